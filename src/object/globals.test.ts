import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readElf, setGlobals, setVariables } from "./index.ts";

const object = readElf(readFileSync("test/objects/globals.o"));
const bytesOf = (one: typeof object, name = ".rodata") => one.maps.find((map) => map.name === name)!.data!.bytes;
const offsetOf = (name: string) =>
  object.maps.find((map) => map.name === ".rodata")!.data!.variables.find((one) => one.name === name)!.offset;

describe("setGlobals", () => {
  it("changes the bytes of what is named and no others, in a copy", () => {
    const before = Uint8Array.from(bytesOf(object));
    const after = bytesOf(setGlobals(object, ".rodata", { settings: { limit: 0x0102 } }));
    const expected = Uint8Array.from(before);
    expected.set([2, 1], offsetOf("settings") + 4);
    expect(after).toEqual(expected);
    expect(bytesOf(object)).toEqual(before);
  });

  it("works by size where there is no BTF", () => {
    const { btf: _, ...bare } = object;
    const after = bytesOf(setGlobals(bare, ".rodata.limits", { threshold: 0x0a0b0c0d }), ".rodata.limits");
    expect(Array.from(after)).toEqual([0x0d, 0x0c, 0x0b, 0x0a]);
  });

  it.each([
    [".rodata", { setting: 1 }, "BTF_VALUE_MEMBER", "$.setting"],
    [".rodata", { settings: { limit: -1 } }, "BTF_VALUE_RANGE", "$.settings.limit"],
    [".nothing", {}, "OBJECT_NO_GLOBALS", undefined],
  ])("refuses %s %o", (section, values, code, path) => {
    const at = path === undefined ? {} : { at: { kind: "path", path } };
    expect(() => setGlobals(object, section, values)).toThrow(expect.objectContaining({ code, ...at }));
  });
});

describe("setVariables", () => {
  it("finds the sections", () => {
    const after = setVariables(object, { threshold: 1, hits: 2n, packets: 3 });
    const [limits, counters, data] = [".rodata.limits", ".data.counters", ".data"].map((name) => bytesOf(after, name));
    expect([limits, counters, data!.subarray(0, 8)].map((bytes) => bytes![0])).toEqual([1, 2, 3]);
    expect(bytesOf(after)).toEqual(bytesOf(object));
  });

  it("refuses a variable that there is not, and says which there are", () => {
    expect(() => setVariables(object, { packets: 1, packts: 1 })).toThrow(
      expect.objectContaining({
        code: "BTF_VALUE_MEMBER",
        at: { kind: "path", path: "$.packts" },
        hint: expect.stringContaining("packets"),
      }),
    );
  });
});
