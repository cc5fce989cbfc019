/** What programs reach: by calls, map references, and the content of maps. */
import { expect, it } from "vitest";
import { assemble } from "./assemble.ts";
import { withProgramType } from "./program-kind.ts";
import { reachOf } from "./reach.ts";

const OBJECT = assemble(`.license "GPL"
.map table type=1 key=4 value=8 entries=4
.map other type=1 key=4 value=8 entries=4
.map sockets type=24 key=4 value=8 entries=0 flags=1
.data .data size=8
.variable counter offset=0 size=8
.section xdp
.global first
r1 = table ll
call helper
exit
.global second
r1 = sockets ll
r0 = 0
exit
.section .text
.static helper
r1 = counter ll
r0 = 0
exit
.static unused
r1 = other ll
r0 = 0
exit
`);

it("functions that are called, and their maps", () => {
  const { functions, maps } = reachOf(OBJECT, ["first"]);
  expect([...functions].sort()).toEqual(["first", "helper"]);
  expect([...maps].sort()).toEqual([".data", "table"]);
});

it("programs and maps that stand in the slots of a reached map", () => {
  const slots = [{ index: 0, target: "second" }];
  const maps = OBJECT.maps.map((map) => (map.name === "table" ? { ...map, slots } : map));
  const reach = reachOf({ ...OBJECT, maps }, ["first"]);
  expect([...reach.functions].sort()).toEqual(["first", "helper", "second"]);
  expect([...reach.maps].sort()).toEqual([".data", "sockets", "table"]);
});

it("programs of sections that name no type, and of others on demand, are XDP programs", () => {
  const kinds = (section: string, all: boolean): (string | undefined)[] =>
    withProgramType(assemble(`.section ${section}\n.global main\nr0 = 2\nexit\n`), all).functions.map(
      ({ program }) => program?.kind,
    );
  expect([kinds("prog", false), kinds("prog", true)]).toEqual([["xdp"], ["xdp"]]);
  expect([kinds("classifier", false), kinds("classifier", true)]).toEqual([["classifier"], ["xdp"]]);
  expect([kinds("xdp/devmap", true), kinds(".text", false)]).toEqual([["xdp/devmap"], ["xdp"]]);
});
