/** Texts of the machine against the kernel's: bpf_snprintf, bpf_trace_printk, bpf_strncmp; and bpf_csum_diff. */
import { expect, it } from "vitest";
import { printHex, type XdpkitError } from "../../src/base/index.ts";
import { type Answer, Pair, readDriver, withConstants } from "../support/drivers.ts";
import { Random, runSeed } from "../support/random.ts";
import { suite } from "../support/require.ts";

const text = (value: string): Uint8Array => Uint8Array.from(value, (letter) => letter.charCodeAt(0));
const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** Bytes behind the pointers that the driver passes on request: text at 0, an address at 256. */
function memory(strings: boolean): Uint8Array {
  const bytes = new Uint8Array(512);
  bytes.set(text("hello, world"));
  bytes.set([192, 0, 2, 1, 0, 9, 10, 0xff, 0xfe, 0x80, 0, 0, 1, 2, 3, 4], 256);
  if (strings) bytes[510] = 1;
  return bytes;
}

type Row = readonly [format: string, values: readonly (number | bigint)[], strings?: boolean];

const NUMBERS: readonly Row[] = [
  ...["%d", "%i", "%u", "%x", "%X", "%ld", "%li", "%lu", "%lx", "%lX", "%lld", "%lli", "%llu", "%llx", "%llX"].flatMap(
    (format): Row[] => [
      [format, [0]],
      [format, [-1]],
      [format, [0x8000_0000]],
      [format, [-0x8000_0000_0000_0000n]],
      [format, [0x1234_5678_9abc_def0n]],
    ],
  ),
  ...[
    "%5d",
    "%05d",
    "%-5d|",
    "%+d",
    "% d",
    "%+5d",
    "%-+5d|",
    "%0+6d",
    "%-05d|",
    "% 05d",
    "%+ d",
    "%1d",
    "%20d",
  ].flatMap((format): Row[] => [
    [format, [42]],
    [format, [-42]],
    [format, [0]],
  ]),
  ...["%8x", "%08x", "%-8x|", "%+x", "% x", "%016llx", "%-16llX|", "%010lu", "%3u"].map(
    (format): Row => [format, [0xbeef]],
  ),
  ["%600d", [1]],
  ["%0600d|", [-1]],
  ["%70000d", [7]],
];

const OTHERS: readonly Row[] = [
  ["", []],
  ["plain text\t\n", []],
  ["100%%", []],
  ["%% %d %%", [1]],
  ["%c%c%c", [65, 0x42, 0x143]],
  ["%5c|%-5c|%05c", [65, 66, 67]],
  ["%c", [0]],
  ["a%cb", [0]],
  ["%s", [0], true],
  ["[%20s] [%d]", [0, 5], true],
  ["[%-20s]", [0], true],
  ["[%020s]", [0], true],
  ["[%3s]", [0], true],
  ["%s", [0]],
  ["%s!", [1]],
  ["%s %d", [0, 3], true],
  ["%pks", [0], true],
  ["%pus", [0]],
  ["%d %pI4", [1, 0], true],
  ["%d %pi4", [1, 0], true],
  ["%d %pI6", [1, 0], true],
  ["%d %pi6", [1, 0], true],
  ["%d [%20pI4]", [1, 0], true],
  ["%d [%-20pi4]", [1, 0], true],
  ["%d [%020pI4]", [1, 0], true],
  ["%d [%45pI6]", [1, 0], true],
  ["%pI4", [0]],
  ["%pi4", [8]],
  ["%pI6", [0]],
  ["%px", [0xdead_beefn]],
  ["%20px|", [0xdead_beefn]],
  ["%-20px|", [1]],
  ["%020px|", [0x1234_5678_9abc_def0n]],
  ["%d %d %d %d %d %d %d %d %d %d %d %d", [1, 2, 3, 4, 5, 6, 7, 8]],
  ["%d%%%c%x", [1, 65, 255]],
  ["%d,%lld,%d,%llx,%c,%lld", [1, 2, 3, 4, 65, -6]],
  ["%d extra", [1, 2, 3]],
  ["caf\xe9 \xa0\xff\x80\x9f", []],
  ["%s\xb7", [0], true],
  ["%pS|%ps|%pB", [0x123, 0x456, 0]],
  ["%30pS|%-30pS|", [0x123, 0x456]],
  ["%8388608d|%99999999999d|%4294967298d", [1, 2, 3]],
];

/** Formats that the verifier refuses for bpf_snprintf, and bpf_trace_printk answers with -EINVAL. */
const REFUSED: readonly (readonly [format: string, values: readonly number[]])[] = [
  ["%", []],
  ["%", [1]],
  ["%d", []],
  ["%d %d", [1]],
  ["%q", [1]],
  ["%.2d", [1]],
  ["%*d", [1]],
  ["%#x", [1]],
  ["%hd", [1]],
  ["%hhx", [1]],
  ["%zu", [1]],
  ["%f", [1]],
  ["%o", [1]],
  ["%n", [1]],
  ["%llld", [1]],
  ["%lc", [1]],
  ["%ls", [1]],
  ["%l", [1]],
  ["%5", [1]],
  ["%-", [1]],
  ["%pI5", [0]],
  ["%pM", [0]],
  ["%pi", [0]],
  ["%pI", [0]],
  ["%pk", [0]],
  ["%pz", [0]],
  ["%p4", [0]],
  ["%sx", [0]],
  ["%s1", [0]],
  ["%pksx", [0]],
  ["%D", [1]],
  ["\x01", []],
  ["\x7f", []],
];

const ROOMS = [128, 0, 1, 2, 5];

suite("texts", ["bpf"], () => {
  const seed = runSeed();
  const object = readDriver("strings");

  it(`bpf_snprintf prints what the kernel prints: ${(NUMBERS.length + OTHERS.length) * 2} calls`, async () => {
    for (const [i, [format, values, strings = false]] of [...NUMBERS, ...OTHERS].entries()) {
      for (const room of [512, ROOMS[i % ROOMS.length]!]) {
        const count = format.includes("%d %d %d %d %d") ? 12 : values.length;
        const constants = { format: text(`${format}\0`), values: word(count), room: word(room) };
        using pair = await Pair.of(withConstants(object, constants), "print");
        const bytes = memory(strings);
        if (/^%d.*p[iI]/.test(format)) [bytes[510], bytes[511]] = [0, 1];
        const { kernel, machine } = pair.call({ words: values, bytes });
        expect(machine, `${JSON.stringify(format)} of ${values.join()} in ${room} bytes`).toEqual(kernel);
      }
    }
  });

  it.each(REFUSED)("bpf_snprintf refuses %j", async (format, values) => {
    const constants = { format: text(`${format}\0`), values: word(values.length), room: word(64) };
    using pair = await Pair.of(withConstants(object, constants), "print");
    let refused: unknown;
    try {
      pair.loaded.program("print");
    } catch (error) {
      refused = error;
    }
    expect((refused as XdpkitError | undefined)?.code).toBe("KERNEL_REFUSED");
    pair.vm.map("parameters").set(new Uint8Array(4), new Uint8Array(576));
    pair.vm.run(new Uint8Array(64));
    const result = new DataView(pair.vm.map("results").getBytes(new Uint8Array(4))!.buffer);
    expect(result.getBigInt64(0, true)).toBe(-22n);
  });

  it("bpf_trace_printk and bpf_trace_vprintk answer as the kernel's", async () => {
    using pair = await Pair.of(object, "trace");
    const lines: string[] = [];
    pair.vm.onTrace((line) => lines.push(line));
    const rows: Row[] = [...NUMBERS, ...OTHERS.filter(([format]) => format.length < 60), ...REFUSED];
    for (const [format, values, strings = false] of rows) {
      for (const cut of [0, 1]) {
        const bytes = memory(false);
        bytes.copyWithin(128, 0, 16);
        bytes.fill(0, 0, 128).set(text(format));
        if (strings && format.startsWith("%s")) bytes[510] = 1;
        // A cut format has no end: -EINVAL.
        const words = [...values, 0, 0, 0, 0, 0, 0].slice(0, 6);
        if (!(strings && format.startsWith("%s")) && /%-?\d*(s|pks|p[iI])/.test(format)) continue;
        const { kernel, machine } = pair.call({ words: [...words, values.length * 8, format.length - cut], bytes });
        expect(machine, `${JSON.stringify(format)} of ${values.join()}, cut ${cut}`).toEqual(kernel);
      }
    }
    expect(lines.slice(0, 4)).toEqual(["0", "0", "-1", "-1"]);
    for (const length of [1, 7, 9, 95]) {
      const { kernel, machine } = pair.call({ words: [0, 0, 0, 0, 0, 0, length, 1], bytes: text("a") });
      expect([machine, machine.words[0]]).toEqual([kernel, -22n]);
    }
  });

  it("long texts are cut where the kernel cuts them", async () => {
    const constants = { format: text("%s|%d\0"), values: word(2), room: word(512) };
    using pair = await Pair.of(withConstants(object, constants), "print");
    const answers: Answer[] = [];
    for (const length of [400, 505, 506, 507, 508, 509, 510]) {
      const bytes = new Uint8Array(512).fill(0x61, 0, length);
      bytes[510] = 1;
      const { kernel, machine } = pair.call({ words: [0, 7], bytes });
      expect(machine, `${length}`).toEqual(kernel);
      answers.push(kernel);
    }
    expect(answers[0]!.words[0]).toBe(403n);
  });

  it("bpf_strncmp answers as the kernel's", async () => {
    const words = ["abc", "abd", "abb", "ab", "abcd", "", "a\0zz", "abc\0x", "\xff", "Abc", "abc\xff"];
    for (const constant of words) {
      using pair = await Pair.of(withConstants(object, { word: text(`${constant}\0`) }), "compare");
      for (const one of words) {
        const { kernel, machine } = pair.call({ bytes: text(one) });
        expect(machine, `${JSON.stringify(one)} against ${JSON.stringify(constant)}`).toEqual(kernel);
      }
    }
  });

  it(`bpf_csum_diff answers as the kernel's, XDPKIT_SEED=${seed}`, async () => {
    using pair = await Pair.of(object, "checksum");
    const random = new Random(seed);
    for (let i = 0; i < 4000; i++) {
      const bytes = random.chance(0.3) ? new Uint8Array(512).fill(random.pick([0, 0xff])) : random.bytes(512);
      const size = (): number => random.pick([0, 4, 8, 20, 40, random.between(0, 63) * 4, random.between(0, 255)]);
      const seedWord = random.pick([0, 1, 0xffff, 0x10000, 0xffffffff, 0xffff0000, random.u32()]);
      const words = [size(), size(), seedWord];
      const { kernel, machine } = pair.call({ words, bytes });
      expect(machine, `${words.join()} of XDPKIT_SEED=${seed}, ${printHex(bytes)}`).toEqual(kernel);
    }
  });
});
