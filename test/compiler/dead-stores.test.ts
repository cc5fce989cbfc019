/** Nothing that a path needed for a variable which is dead where the paths meet stays in the code. */
import { expect, it } from "vitest";
import { disassemble } from "../../src/object/index.ts";
import { compiledObject } from "../support/compiled.ts";
import { loadText } from "../support/load-module.ts";

const HEAD = `import { be16, exit, global, HashMap, jhash, struct, u32, u64, XdpAction, xdp } from "xdpkit";
class S extends struct({ x: be16, y: u32, z: u64 }) {}
export const out = global(u64);
export const table = new HashMap({ key: S, value: u64, maxEntries: 4 });
export const program = xdp((ctx) => {
const h = ctx.header(S, 14);
if (!h) return XdpAction.Drop;
`;

let count = 0;
const textOf = (body: string): string[] => {
  const exports = loadText(`${HEAD}${body}\nreturn XdpAction.Pass;\n});\n`, `dead-${count++}.xdp.ts`);
  return disassemble(compiledObject(exports), "program").map(({ text }) => text);
};
const stackStores = (body: string): string[] => textOf(body).filter((text) => /^\*\(.*\(r10 .*\) = /.test(text));

const SET = "new S({ x: 7, y: h.y, z: h.z })";

it.each([
  ["a place of the packet, or a value", `let p: S = h; if (h.x === 3) { p = ${SET}; out.value = u64(p.x) + p.z; }`],
  ["two values", `let p = new S({ x: 1 }); if (h.x === 3) { p = ${SET}; out.value = u64(p.x) + p.z; }`],
  [
    "a place of a map, or a value",
    `let p: S | null = null; if (h.x === 3) { p = ${SET}; out.value = p.z; } else { p = h; out.value = p.z; }`,
  ],
])("%s: no store to the stack is left", (_, body) => {
  expect(stackStores(body)).toEqual([]);
});

it("the code is that without the variable", () => {
  const dead = textOf(`let p: S = h; if (h.x === 3) { p = ${SET}; out.value = u64(p.x) + p.z; }`);
  const fine = textOf(`if (h.x === 3) { const p = ${SET}; out.value = u64(p.x) + p.z; }`);
  expect(dead).toEqual(fine);
});

it("what a helper reads is stored", () => {
  expect(stackStores(`const found = table.lookup(${SET}); if (found) out.value = found.value;`).length).toBeGreaterThan(
    1,
  );
});

it("on the path that a helper reads it on alone, when it is dead behind", () => {
  const stores = stackStores(
    `const p = ${SET}; if (h.x === 3) { const found = table.lookup(p); if (found) out.value = found.value; }`,
  );
  expect(stores).toEqual(
    stackStores(
      `if (h.x === 3) { const p = ${SET}; const found = table.lookup(p); if (found) out.value = found.value; }`,
    ),
  );
});
