/**
 * Headers at offsets up to the end of what the verifier follows: whatever the language takes is loaded, and finds the same
 * bytes as the reference.
 */
import { beforeAll, expect, it } from "vitest";
import { pinThread } from "../../src/kernel/index.ts";
import { comparable, compiledObject, observeCompiled } from "../support/compiled.ts";
import { loadText } from "../support/load-module.ts";
import { observe } from "../support/observe.ts";
import { suite } from "../support/require.ts";

const HEAD = `import { array, be16, be32, bytes, checksumPacket, exit, global, jhash, loop, range, RingBuffer, struct, u8, u16, u32, u64, xdp, XdpAction } from "xdpkit";
import { Ethernet, Ipv4, Ipv6 } from "xdpkit/packet";
class Wide extends struct({ list: array(u16, 64), tail: be32 }) {}
class Large extends struct({ raw: bytes(4000) }) {}
class Event extends struct({ at: u32 }) {}
export const out = global(u64);
export const program = xdp((ctx) => {
const at16 = (ctx.header(be16, 0) ?? exit(XdpAction.Aborted)).value;
const small = (ctx.header(u8, 2) ?? exit(XdpAction.Aborted)).value;
const wide = (ctx.header(be32, 4) ?? exit(XdpAction.Aborted)).value;
`;

const ROWS: readonly (readonly [name: string, body: string])[] = [
  ["a byte at any offset of 16 bits", "out.value = u64(ctx.header(u8, at16)?.value ?? 300);"],
  ["a word at any offset of 16 bits", "out.value = u64(ctx.header(be32, at16)?.value ?? 300);"],
  ["IPv6 at any offset of 16 bits", "out.value = u64(ctx.header(Ipv6, at16)?.hopLimit ?? 300);"],
  ["a large header", "out.value = ctx.header(Large, at16) ? 1n : 2n;"],
  [
    "one at the last offset that the verifier follows",
    "out.value = u64(ctx.header(u8, Math.min(at16, 65534))?.value ?? 300);",
  ],
  ["a word at the last one", "out.value = u64(ctx.header(be32, Math.min(at16, 65531))?.value ?? 300);"],
  ["a constant offset beyond a displacement of 16 bits", "out.value = u64(ctx.header(be32, 40000)?.value ?? 300);"],
  [
    "the last constant offset",
    "out.value = u64(ctx.header(u8, 65534)?.value ?? 300) + u64(ctx.header(be32, 65531)?.value ?? 300);",
  ],
  [
    "a small header, then a large one there",
    "const a = ctx.header(u8, at16); const b = ctx.header(Ipv6, at16); out.value = u64(a?.value ?? 300) + (b ? 1000n : 0n);",
  ],
  [
    "a large header, then a small one there",
    "const b = ctx.header(Ipv6, at16); const a = ctx.header(u8, at16); out.value = u64(a?.value ?? 300) + (b ? 1000n : 0n);",
  ],
  [
    "a header, then another behind a test",
    "const a = ctx.header(u8, at16)?.value ?? 3; if (at16 < 200) { const b = ctx.header(Large, at16); out.value = b ? 1n : 2n; } else out.value = u64(a);",
  ],
  [
    "a sum of constants and a field",
    "out.value = u64(ctx.header(be16, 14 + (at16 & 0x7fff))?.value ?? 300) + u64(ctx.header(be16, 40 + Math.min(at16, 65000))?.value ?? 300);",
  ],
  ["bits of a wider number", "out.value = u64(ctx.header(be16, wide & 0xffff)?.value ?? 300);"],
  [
    "a number that was tested",
    "if (wide > 65535) exit(XdpAction.Drop); out.value = u64(ctx.header(be32, wide)?.value ?? 300);",
  ],
  ["what a hash gives", "out.value = u64(ctx.header(be32, jhash(wide, 1) & 0xffff)?.value ?? 300);"],
  ["a product", "out.value = u64(ctx.header(be16, small * 257)?.value ?? 300);"],
  ["what a division gives", "out.value = u64(ctx.header(be16, Math.trunc(wide / 65537))?.value ?? 300);"],
  ["the length of the packet", "out.value = u64(ctx.header(be16, ctx.length - 2 & 0xffff)?.value ?? 300);"],
  ["a cursor", "const c = ctx.cursor(); c.skip(at16); const a = c.take(u8); out.value = u64(a?.value ?? 300);"],
  [
    "a cursor that goes on",
    "const c = ctx.cursor(); c.skip(at16 & 0x7fff); const a = c.take(be16); const b = c.take(Ipv4); out.value = u64(a?.value ?? 300) + u64(b?.ttl ?? 400);",
  ],
  [
    "what a cursor sees ahead",
    "const c = ctx.cursor(); c.skip(small); out.value = u64(c.peek(be32, at16 & 0x7fff)?.value ?? 300);",
  ],
  [
    "elements of a header",
    "const w = ctx.header(Wide, at16); out.value = w ? u64(w.list[small & 63]!) + u64(w.tail) : 5n;",
  ],
  [
    "elements of a header in a loop",
    "const w = ctx.header(Wide, at16); let sum = 0; if (w) for (const i of range(small & 15)) sum = u32(sum + w.list[i]!); out.value = u64(sum);",
  ],
  [
    "in a loop",
    "let sum = 0; for (let i = 0; i < 20; i++) sum = u32(sum + (ctx.header(u8, Math.min(at16 + i, 65535))?.value ?? 1)); out.value = u64(sum);",
  ],
  [
    "in a loop that the verifier walks",
    "let sum = 0; for (const i of range(small & 31)) sum = u32(sum + (ctx.header(be32, (at16 + i * 4) & 0xffff)?.value ?? 1)); out.value = u64(sum);",
  ],
  [
    "in a loop whose body the kernel calls",
    "let sum = 0; loop(small & 31, (i) => { sum = u32(sum + (ctx.header(be32, (at16 + i * 4) & 0xffff)?.value ?? 1)); return undefined; }); out.value = u64(sum);",
  ],
  [
    "a header that a called body has from outside",
    "const w = ctx.header(Wide, at16); if (!w) exit(XdpAction.Drop); let sum = 0; loop(small & 31, (i) => { sum = u32(sum + w.list[(i + small) & 63]!); return undefined; }); out.value = u64(sum);",
  ],
  ["a checksum at any offset", "out.value = u64(checksumPacket(ctx, Math.min(at16, 65400), small & 63, 64) ?? 70000);"],
  [
    "while a record is reserved",
    "const r = ring.reserve(); if (r) { r.at = ctx.header(be32, at16)?.value ?? 5; out.value = u64(r.at); ring.submit(r); }",
  ],
  [
    "after the head has moved",
    "if (!ctx.adjustHead(4)) exit(XdpAction.Drop); out.value = u64(ctx.header(be32, at16)?.value ?? 300);",
  ],
];

const packet = (offset: number, length: number): Uint8Array => {
  const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + 3) & 0xff);
  bytes.set([offset >> 8, offset & 0xff, 9, 0, 0, 0, offset >> 8, offset & 0xff]);
  return bytes;
};
const PACKETS = [
  packet(20, 400),
  packet(0, 64),
  packet(60, 64),
  packet(396, 400),
  packet(0xffff, 400),
  packet(0xfffe, 64),
];

suite("offsets into the packet", ["bpf"], () => {
  beforeAll(() => pinThread(0));
  it.each(ROWS)("%s", async (name, body) => {
    const ring = body.includes("ring.") ? "export const ring = new RingBuffer({ value: Event, bytes: 4096 });\n" : "";
    const text = HEAD.replace("export const out", `${ring}export const out`);
    const exports = loadText(
      `${text}${body}\nreturn XdpAction.Pass;\n});\n`,
      `offset-${name.replaceAll(" ", "-")}.xdp.ts`,
    );
    const object = compiledObject(exports);
    for (const one of PACKETS) {
      const run = { maps: [], packets: [one] };
      const expected = observe(exports, run);
      for (const engine of ["interpreter", "kernel"] as const) {
        const found = await observeCompiled(exports, object, run, engine);
        expect({ engine, ...found }).toEqual({ engine, ...comparable(expected, found) });
      }
    }
  });
});
