import { describe, expect, it } from "vitest";
import { type Btf, type BtfType, ValueTypes } from "./index.ts";

const u32: BtfType = {
  kind: "int",
  name: "__u32",
  size: 4,
  bits: 32,
  bitOffset: 0,
  signed: false,
  char: false,
  bool: false,
};
const member = (name: string, type: number, bitOffset = 0) => ({ name, type, bitOffset, bitSize: 0 });
const struct = (name: string, ...members: ReturnType<typeof member>[]): BtfType => ({
  kind: "struct",
  name,
  size: 4,
  bitfields: false,
  members,
});
/** The first type has id 1, and 1 is `__u32`. */
const btf = (...types: BtfType[]): Btf => ({ types: [{ kind: "void" }, u32, ...types] });

function declared(types: Btf, ids: readonly number[], taken: readonly string[] = []) {
  const values = new ValueTypes(types, taken);
  const names = ids.map((id) => values.typeOf(id, "my_map_key"));
  return { names, declarations: values.declarations.map(({ name }) => name) };
}

describe("names of types", () => {
  it.each<[what: string, types: Btf, ids: readonly number[], taken: readonly string[], names: readonly string[]]>([
    ["C's in another case", btf(struct("ipv4_flow")), [2], [], ["Ipv4Flow"]],
    ["its typedef's", btf(struct(""), { kind: "typedef", name: "flow_t", type: 2 }), [3], [], ["FlowT"]],
    ["that of the place", btf(struct("")), [2], [], ["MyMapKey"]],
    [
      "numbered when taken",
      btf(struct("flow"), struct("Flow"), struct("foreign")),
      [2, 3, 4],
      ["Foreign"],
      ["Flow", "Flow2", "Foreign2"],
    ],
    ["letters first", btf(struct("9_lives"), struct("___")), [2, 3], [], ["Type9Lives", "Type"]],
    [
      "one for a type, whatever leads to it",
      btf(struct("flow"), { kind: "const", type: 2 }),
      [2, 3],
      [],
      ["Flow", "Flow"],
    ],
  ])("are %s", (_what, types, ids, taken, names) => {
    const found = declared(types, ids, taken);
    expect(found).toEqual({ names, declarations: [...new Set(names)] });
  });
});

it("declares what a struct is made of in front of it, once", () => {
  const types = btf(struct("inner", member("x", 1)), struct("outer", member("a", 2), member("b", 2)));
  expect(declared(types, [3]).declarations).toEqual(["Inner", "Outer"]);
});

it("keeps one of members that have one name, as the decoder does: the last", () => {
  const types = btf(
    struct("", member("x", 1)),
    { kind: "pointer", type: 0 },
    struct("outer", member("", 2), member("x", 3)),
  );
  const values = new ValueTypes(types, []);
  values.typeOf(4, "");
  expect(values.declarations).toEqual([
    { kind: "struct", name: "Outer", c: "struct outer", size: 4, fields: [{ name: "x", type: "bigint", c: "void *" }] },
  ]);
});

describe("types without end are refused", () => {
  const array = (element: number): BtfType => ({ kind: "array", element, index: 1, length: 1 });
  it.each<[what: string, types: Btf]>([
    ["a list of itself", btf(array(2))],
    ["an anonymous struct in itself", btf(struct("", member("", 2)))],
    ["a pointer to itself", btf(struct("outer", member("x", 3)), { kind: "pointer", type: 3 })],
    ["a typedef of itself", btf({ kind: "typedef", name: "t", type: 2 })],
  ])("%s", (_what, types) => {
    expect(() => new ValueTypes(types, []).typeOf(2, "x")).toThrow(expect.objectContaining({ code: "BTF_CYCLE" }));
  });
});
