import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectGolden } from "../../test/objects/golden.ts";
import { parseHex, printHex, XdpkitError } from "../base/index.ts";
import {
  decode,
  encode,
  FORMS,
  type Form,
  formOf,
  type Instruction,
  jumpDistance,
  LD_IMM64,
  parse,
  print,
  slotsOf,
} from "./index.ts";
import { OPERANDS } from "./operands.ts";
import { compileText } from "./template.ts";

/** Bytes and text, from RFC 9669's own words and llvm-objdump 19's output. */
const ROWS = [
  ["07 01 00 00 05 00 00 00", "r1 += 0x5"],
  ["04 01 00 00 00 00 00 80", "w1 += -0x80000000"],
  ["1f 21 00 00 00 00 00 00", "r1 -= r2"],
  ["3c 21 01 00 00 00 00 00", "w1 s/= w2"],
  ["97 01 01 00 07 00 00 00", "r1 s%= 0x7"],
  ["c7 00 00 00 20 00 00 00", "r0 s>>= 0x20"],
  ["87 03 00 00 00 00 00 00", "r3 = -r3"],
  ["bc 21 08 00 00 00 00 00", "w1 = (s8)w2"],
  ["bf 21 20 00 00 00 00 00", "r1 = (s32)r2"],
  ["bf 21 01 00 07 00 02 00", "r1 = addr_space_cast(r2, 0x2, 0x7)"],
  ["d4 01 00 00 10 00 00 00", "r1 = le16 r1"],
  ["dc 01 00 00 40 00 00 00", "r1 = be64 r1"],
  ["d7 01 00 00 20 00 00 00", "r1 = bswap32 r1"],
  ["05 00 fd ff 00 00 00 00", "goto -0x3"],
  ["06 00 00 00 00 00 01 00", "gotol +0x10000"],
  ["e5 00 02 00 00 00 00 00", "may_goto +0x2"],
  ["15 01 05 00 00 00 00 00", "if r1 == 0x0 goto +0x5"],
  ["6e 21 ff ff 00 00 00 00", "if w1 s> w2 goto -0x1"],
  ["45 01 00 00 ff ff ff ff", "if r1 & -0x1 goto +0x0"],
  ["61 21 04 00 00 00 00 00", "r1 = *(u32 *)(r2 + 0x4)"],
  ["79 a1 f8 ff 00 00 00 00", "r1 = *(u64 *)(r10 - 0x8)"],
  ["91 21 00 80 00 00 00 00", "r1 = *(s8 *)(r2 - 0x8000)"],
  ["6a 01 02 00 fb ff ff ff", "*(u16 *)(r1 + 0x2) = -0x5"],
  ["73 21 00 00 00 00 00 00", "*(u8 *)(r1 + 0x0) = r2"],
  ["db 21 00 00 00 00 00 00", "lock *(u64 *)(r1 + 0x0) += r2"],
  ["c3 21 04 00 50 00 00 00", "lock *(u32 *)(r1 + 0x4) &= w2"],
  ["db 21 04 00 a1 00 00 00", "r2 = atomic_fetch_xor((u64 *)(r1 + 0x4), r2)"],
  ["c3 21 04 00 e1 00 00 00", "w2 = xchg32_32(r1 + 0x4, w2)"],
  ["db 21 04 00 f1 00 00 00", "r0 = cmpxchg_64(r1 + 0x4, r0, r2)"],
  ["d3 21 04 00 00 01 00 00", "w1 = load_acquire((u8 *)(r2 + 0x4))"],
  ["db 21 00 00 10 01 00 00", "store_release((u64 *)(r1 + 0x0), r2)"],
  ["28 00 00 00 0c 00 00 00", "r0 = *(u16 *)skb[0xc]"],
  ["50 70 00 00 00 00 00 00", "r0 = *(u8 *)skb[r7]"],
  ["85 00 00 00 01 00 00 00", "call 0x1"],
  ["85 10 00 00 ff ff ff ff", "call pc-0x1"],
  ["85 20 00 00 39 30 00 00", "call kfunc 0x3039"],
  ["8d 01 00 00 00 00 00 00", "callx r1"],
  ["95 00 00 00 00 00 00 00", "exit"],
  ["18 01 00 00 ff ff ff ff 00 00 00 00 00 00 00 00", "r1 = 0xffffffff ll"],
  ["18 01 00 00 00 00 00 00 00 00 00 00 00 00 00 80", "r1 = -0x8000000000000000 ll"],
  ["18 21 00 00 05 00 00 00 00 00 00 00 08 00 00 00", "ld_pseudo\tr1, 0x2, 0x5, 0x8"],
] as const;

describe("one table in both directions", () => {
  it.each(ROWS)("%s is %s", (hex, text) => {
    const bytes = parseHex(hex) as Uint8Array;
    const decoded = decode(bytes);
    expect(decoded.map((instruction) => print(instruction))).toEqual([text]);
    expect(parse(text)).toEqual(decoded);
    expect(printHex(encode(decoded), " ")).toBe(hex);
  });

  it("gives the same fields in big endian", () => {
    const little = decode(parseHex("61 21 04 00 00 00 00 00") as Uint8Array);
    expect(decode(parseHex("61 12 00 04 00 00 00 00") as Uint8Array, { littleEndian: false })).toEqual(little);
    expect(printHex(encode(little, { littleEndian: false }), " ")).toBe("61 12 00 04 00 00 00 00");
  });

  it("prints llvm-objdump's text where ours says more", () => {
    const [call, kfunc, indirect, pseudo] = parse(
      "call pc-1\ncall kfunc 0x10\nr0 = *(u8 *)skb[r7 + 4]\nld_pseudo r1, 2, 5, 8",
    ) as [Instruction, Instruction, Instruction, Instruction];
    expect(print(call, { dialect: "llvm" })).toBe("call -0x1");
    expect(print(kfunc, { dialect: "llvm" })).toBe("call 0x10");
    expect(print(indirect, { dialect: "llvm" })).toBe("r0 = *(u8 *)skb[r7]");
    expect(print(pseudo, { dialect: "llvm" })).toBe("ld_pseudo\tr1, 0x2, 0x5");
  });

  it("writes half registers as --mcpu=v3 does", () => {
    const [load, store, add] = parse("r1 = *(u8 *)(r2)\n*(u32 *)(r1) = r2\nlock *(u32 *)(r1) += r2");
    expect(print(load as Instruction, { dialect: "llvm-v3" })).toBe("w1 = *(u8 *)(r2 + 0x0)");
    expect(print(store as Instruction, { dialect: "llvm-v3" })).toBe("*(u32 *)(r1 + 0x0) = w2");
    expect(print(add as Instruction, { dialect: "llvm-v3" })).toBe("lock *(u32 *)(r1 + 0x0) += w2");
    expect(parse("w1 = *(u8 *)(r2 + 0x0)")).toEqual([load]);
  });

  it("lists every row as the golden file does", () => {
    const rows = FORMS.map((form) => {
      const bytes = printHex(encode([sample(form)]), " ");
      return `${form.name.padEnd(20)} v${form.version} ${form.group.padEnd(8)} ${bytes}  ${print(sample(form))}`;
    });
    expectGolden("isa-table.txt", `${rows.join("\n")}\n`);
  });
});

/** An instruction of the row, its operands small and different. */
function sample(form: Form): Instruction {
  const used = new Set(compileText(form.text).flatMap((piece) => ("operand" in piece ? piece.operand.fields : [])));
  const value = (field: "dst" | "src" | "offset" | "imm", free: number) =>
    form_(form, field) ?? (used.has(field) ? free : 0);
  const instruction = {
    opcode: form.opcode,
    dst: value("dst", 1),
    src: value("src", 2),
    offset: value("offset", 4),
    imm: value("imm", 5),
  };
  return form.opcode === LD_IMM64 ? { ...instruction, high: 0 } : instruction;
}

function form_(form: Form, field: "dst" | "src" | "offset" | "imm"): number | undefined {
  return field === "dst" ? undefined : form[field];
}

const i32 = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff });
const i16 = fc.integer({ min: -0x8000, max: 0x7fff });
const register = fc.integer({ min: 0, max: 10 });

/** Any valid instruction of the table. */
const anyInstruction: fc.Arbitrary<Instruction> = fc
  .record({ form: fc.constantFrom(...FORMS), dst: register, src: register, offset: i16, imm: i32, high: i32 })
  .map(({ form, ...free }) => {
    const used = new Set(compileText(form.text).flatMap((piece) => ("operand" in piece ? piece.operand.fields : [])));
    const instruction = {
      opcode: form.opcode,
      dst: used.has("dst") ? free.dst : 0,
      src: form.src ?? (used.has("src") ? free.src : 0),
      offset: form.offset ?? (used.has("offset") ? free.offset : 0),
      imm: form.imm ?? (used.has("imm") ? free.imm : 0),
    };
    return form.opcode === LD_IMM64 ? { ...instruction, high: free.high } : instruction;
  });

describe("properties", () => {
  it("decodes what it encodes, in both byte orders", () => {
    fc.assert(
      fc.property(fc.array(anyInstruction, { maxLength: 20 }), fc.boolean(), (instructions, littleEndian) => {
        expect(decode(encode(instructions, { littleEndian }), { littleEndian })).toEqual(instructions);
      }),
      { numRuns: 500 },
    );
  });

  it("parses what it prints", () => {
    fc.assert(
      fc.property(fc.array(anyInstruction, { minLength: 1, maxLength: 8 }), (instructions) => {
        expect(parse(instructions.map((row) => print(row, { target: "end+0x48" })).join("\n"))).toEqual(instructions);
      }),
      { numRuns: 1500 },
    );
  });

  it("keeps hostile bytes in lenient mode, through text and back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (bytes) => {
        if (bytes[0] === LD_IMM64) return;
        const decoded = decode(bytes, { lenient: true });
        expect(encode(decoded)).toEqual(bytes);
        expect(parse(decoded.map((row) => print(row)).join("\n"))).toEqual(decoded);
      }),
      { numRuns: 3000 },
    );
  });

  it("accepts an instruction by one row only", () => {
    fc.assert(
      fc.property(anyInstruction, (instruction) => {
        const form = formOf(instruction);
        expect(form?.opcode).toBe(instruction.opcode);
        expect(slotsOf(instruction)).toBe(instruction.opcode === 0x18 ? 2 : 1);
      }),
    );
  });

  it("has a different name and text in each row", () => {
    expect(new Set(FORMS.map((form) => form.name)).size).toBe(FORMS.length);
    expect(new Set(FORMS.map((form) => form.text)).size).toBe(FORMS.length);
    expect(Object.keys(OPERANDS)).toHaveLength(16);
  });
});

function failure(run: () => unknown): { code: string; at: unknown; message: string; hint: string | undefined } {
  try {
    run();
  } catch (error) {
    if (error instanceof XdpkitError) {
      return { code: error.code, at: error.at, message: error.problem, hint: error.hint };
    }
    throw error;
  }
  throw new Error("it did not throw");
}

const byte = (offset: number) => ({ kind: "byte", offset });

describe("bad encodings", () => {
  it.each([
    ["95 00 00 00 00 00 00", "ISA_TRUNCATED", 0, "instruction needs 8 bytes, 7 are left"],
    ["95 00 00 00 00 00 00 00 18 01 00 00 00 00 00 00", "ISA_TRUNCATED", 16, "instruction needs 8 bytes, 0 are left"],
    ["ff 00 00 00 00 00 00 00", "ISA_UNKNOWN_OPCODE", 0, "unknown opcode 0xff"],
    [
      "95 00 00 00 00 00 00 00 07 21 00 00 05 00 00 00",
      "ISA_RESERVED",
      8,
      "reserved field src is 2 in an instruction of opcode 0x7",
    ],
    ["0f 21 03 00 00 00 00 00", "ISA_RESERVED", 0, "reserved field offset is 3 in an instruction of opcode 0xf"],
    ["d4 01 00 00 11 00 00 00", "ISA_RESERVED", 0, "reserved field imm is 17 in an instruction of opcode 0xd4"],
    [
      "18 71 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
      "ISA_RESERVED",
      0,
      "reserved field src is 7 in an instruction of opcode 0x18",
    ],
    [
      "18 01 00 00 00 00 00 00 95 00 00 00 00 00 00 00",
      "ISA_RESERVED",
      0,
      "reserved field second slot is 149 in an instruction of opcode 0x18",
    ],
    ["07 0b 00 00 05 00 00 00", "ISA_FIELD_RANGE", 0, "dst is 11, outside 0 to 10"],
  ] as const)("%s", (hex, code, offset, message) => {
    const found = failure(() => decode(parseHex(hex) as Uint8Array));
    expect({ code: found.code, at: found.at, message: found.message }).toEqual({ code, at: byte(offset), message });
  });

  it("counts from the base that it was given", () => {
    expect(failure(() => decode(new Uint8Array(8).fill(0xff), { base: 64 })).at).toEqual(byte(64));
  });

  it("keeps them when it is lenient, and prints them raw", () => {
    const decoded = decode(parseHex("ff 21 03 00 05 00 00 00") as Uint8Array, { lenient: true });
    expect(print(decoded[0] as Instruction)).toBe(".insn 255, 1, 2, 3, 5");
    expect(print(decoded[0] as Instruction, { dialect: "llvm" })).toBe("<unknown>");
  });

  it("refuses to encode what does not fit", () => {
    const found = failure(() => encode([{ opcode: 7, dst: 1, src: 0, offset: 0x8000, imm: 0 }]));
    expect(found).toMatchObject({ code: "ISA_FIELD_RANGE", at: { kind: "instruction", index: 0 } });
  });
});

describe("the assembler", () => {
  it("resolves labels over instructions of two slots", () => {
    const text =
      "start: r1 = 0x1 ll ; two slots\n  if r1 == 0 goto end\n  call sub # local\n  goto start // back\nend:\n  exit\nsub: exit";
    expect(parse(text).map((row) => print(row))).toEqual([
      "r1 = 0x1 ll",
      "if r1 == 0x0 goto +0x2",
      "call pc+0x2",
      "goto -0x5",
      "exit",
      "exit",
    ]);
  });

  it("reads llvm-objdump's lines with slots, bytes and headers", () => {
    const text =
      "0000000000000000 <prog>:\n       0:\tb7 00 00 00 02 00 00 00\tr0 = 0x2\n       1:\tif r0 == 0x0 goto -0x2 <prog>\n";
    expect(parse(text)).toHaveLength(2);
  });

  it.each([
    ["exti", "ISA_SYNTAX", 1, "found `exti`, expected an instruction or a label", "did you mean `exit`?"],
    [
      "  r1 = *(u33 *)(r2 + 4)",
      "ISA_SYNTAX",
      10,
      "found `u33`, expected `u32`, `s32`, `u16`, `s16`, `u8`, `s8`, …",
      "did you mean `u32`?",
    ],
    [
      "r1 += 0x100000000",
      "ISA_NUMBER_RANGE",
      7,
      "0x100000000 does not fit: -2147483648 to 4294967295",
      "use ld_imm64 (`r1 = 0x100000000 ll`) for 64-bit values",
    ],
    ["r1 = *(u8 *)(r2 + 0x8000)", "ISA_NUMBER_RANGE", 19, "0x8000 does not fit: -32768 to 32767", undefined],
    ["goto nowhere", "ISA_LABEL_UNKNOWN", 6, "no label nowhere", "declare it: `nowhere:`"],
    ["a: exit\na: exit", "ISA_LABEL_TWICE", 1, "label a was declared on line 1 already", "rename one of them"],
    ["r1 = -r2", "ISA_SYNTAX", 7, undefined, undefined],
    ["exit exit", "ISA_SYNTAX", 6, "found `exit`, expected the end of the line", undefined],
  ] as const)("%s", (text, code, column, message, hint) => {
    const found = failure(() => parse(text, { file: "a.s" }));
    expect(found.code).toBe(code);
    expect(found.at).toMatchObject({ kind: "source", file: "a.s", column });
    if (message) expect(found.message).toBe(message);
    if (hint) expect(found.hint).toBe(hint);
  });

  it("names the line", () => {
    expect(failure(() => parse("exit\n\nexti")).at).toEqual({
      kind: "source",
      file: "input",
      line: 3,
      column: 1,
      text: "exti",
    });
  });

  it("refuses a jump that 16 bits cannot hold", () => {
    const text = `goto end\n${"exit\n".repeat(0x8001)}end: exit`;
    expect(failure(() => parse(text))).toMatchObject({ code: "ISA_FIELD_RANGE", at: { line: 1, column: 6 } });
    expect(parse(text.replace("goto", "gotol"))[0]).toMatchObject({ opcode: 6, imm: 0x8001 });
  });

  it("tells the distance of jumps", () => {
    expect(parse("goto +5\ngotol -7\nmay_goto +1\nexit").map(jumpDistance)).toEqual([5, -7, 1, null]);
  });
});
