/** Values that cannot become one where paths meet leave nothing behind: neither stores of what they are made of, nor a slot. */
import { expect, it } from "vitest";
import type { BpfFunction } from "../../src/object/index.ts";
import { compiledObject } from "../support/compiled.ts";
import { loadText } from "../support/load-module.ts";

let texts = 0;

/** Stores to the stack (class ST or STX, into what r10 points to). */
function stackStores(body: string): number {
  const text = `import { be16, exit, global, HashMap, struct, u32, u64, XdpAction, xdp } from "xdpkit";
class S extends struct({ x: be16, y: u32, z: u64 }) {}
export const out = global(u64);
export const table = new HashMap({ key: u32, value: S, maxEntries: 4 });
export const program = xdp((ctx) => {
  const h = ctx.header(S, 14) ?? exit(XdpAction.Drop);
  ${body}
  return XdpAction.Pass;
});
`;
  const [{ instructions }] = compiledObject(loadText(text, `merges-${texts++}.xdp.ts`)).functions as [BpfFunction];
  return instructions.filter(({ opcode, dst }) => ((opcode & 7) === 2 || (opcode & 7) === 3) && dst === 10).length;
}

const MADE = "new S({ x: 7, y: h.y, z: h.z })";

it.each<[name: string, body: string]>([
  [
    "a place of the packet and a stack value",
    `let p: S = h; if (h.x === 3) { p = ${MADE}; out.value = u64(p.x) + p.z; }`,
  ],
  [
    "the same inside a record",
    `let r = { a: 1, p: h as S }; if (h.x === 3) { r = { a: 2, p: ${MADE} }; out.value = u64(r.p.x) + r.p.z; }`,
  ],
  ["two stack values", `let p = new S({ z: 1n }); if (h.x === 3) { p = ${MADE}; out.value = u64(p.x) + p.z; }`],
  [
    "the same inside a list",
    `let t: [S, number] = [h, 1]; if (h.x === 3) { t = [${MADE}, 2]; out.value = u64(t[0].x) + t[0].z; }`,
  ],
])("%s", (_, body) => {
  expect(stackStores(body)).toBe(0);
});

it("a value that is used behind the paths is stored once", () => {
  expect(stackStores(`const p = ${MADE}; if (h.x === 3) p.y = 5; table.update(1, p);`)).toBeGreaterThan(0);
});
