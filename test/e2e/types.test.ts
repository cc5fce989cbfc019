/** `xdpkit types`: what it writes is TypeScript, as Biome formats it, and its types are those of the values at run time. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeObject } from "../../src/cli/object-types.ts";
import { printModule } from "../../src/cli/print-types.ts";
import { type BpfObject, readElf, writeElf } from "../../src/object/index.ts";
import { expectGolden } from "../objects/golden.ts";
import { typeErrors } from "../support/check-types.ts";
import { handlesIn, objectModules, ROOT, valueClaims } from "../support/object-modules.ts";
import { Random, runSeed } from "../support/random.ts";

const CLI = join(ROOT, "dist/cli/main.js");
const SKELETON = join(ROOT, "test/objects/skeleton.o");

let folder: string;
const file = (name: string): string => join(folder, name);
const read = (path: string): BpfObject => readElf(readFileSync(path), { name: basename(path) });

function xdpkit(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...words], { cwd: folder, encoding: "utf8" });
  return { status, stdout, stderr };
}

/** What `biome check` says of files, and its exit status. */
function biome(texts: Readonly<Record<string, string>>) {
  for (const [name, text] of Object.entries(texts)) writeFileSync(file(name), text);
  const options = { formatter: { indentStyle: "space", indentWidth: 2, lineWidth: 120 } };
  writeFileSync(file("biome.json"), JSON.stringify(options));
  const words = ["check", "--error-on-warnings", `--config-path=${folder}`, ...Object.keys(texts)];
  const { status, stdout, stderr } = spawnSync(join(ROOT, "node_modules/.bin/biome"), words, { cwd: folder });
  return [status, `${stderr}`, `${stdout}`.replace(/ in .*/s, "")];
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "xdpkit-types-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const RECORDS = ["events=event", "samples=event", "commands=event"];

it.each<[path: string, records: readonly string[]]>([
  ["test/objects/skeleton", RECORDS],
  ["test/objects/types", []],
  ["test/objects/maps", []],
  ["examples/edge/edge", []],
])("%s", (path, records) => {
  const module = `test/golden/${basename(path)}.types.ts`;
  const text = printModule(describeObject(read(join(ROOT, `${path}.o`)), records), { object: `${path}.o`, module });
  expectGolden(basename(module), text);
});

describe("every object", () => {
  const modules = objectModules();
  const names = modules.map(({ name }) => `${name}.types.ts`);

  it("has a module that Biome leaves as it is", () => {
    const texts = Object.fromEntries(modules.map(({ text }, index) => [names[index]!, text]));
    expect(biome(texts)).toEqual([0, "", `Checked ${names.length} files`]);
  });

  it("has types that tsc --strict accepts, and that its values have", () => {
    const seed = runSeed();
    const random = new Random(seed);
    const texts = modules.flatMap((module) => [
      [`${module.name}.types.ts`, module.text] as const,
      [`${module.name}.claims.ts`, valueClaims(module, random)] as const,
    ]);
    expect([seed, Object.fromEntries(typeErrors(new Map(texts)))]).toEqual([seed, {}]);
  });

  it("has a handle for each of its maps", () => {
    for (const { object, text } of modules) {
      const maps = object.maps.filter(({ data }) => !data).map(({ name }) => name);
      expect([...handlesIn(text).keys()]).toEqual(expect.arrayContaining(maps));
    }
  });
});

it("breaks lines as Biome does, and no name leaves its place", () => {
  const long = (name: string, length: number): string => `${name}_${"x".repeat(length)}`;
  const map = { type: "ARRAY", keySize: 4, valueSize: 4, maxEntries: 1, key: "number" } as const;
  const inner = Array.from({ length: 9 }, (_, index) => long(`m${index}`, 14));
  const types = [40, 80, 100].map((length) => ({
    kind: "struct" as const,
    name: long("S", length),
    c: "struct */ x\n\u2028",
    size: 4,
    fields: [{ name: "a-b", type: "number", c: "*/" }],
  }));
  const [s, m, l] = types.map(({ name }) => name) as [string, string, string];
  const values = inner.map((name, value) => ({ name, value }));
  const text = printModule(
    {
      maps: [
        ...inner.map((name) => ({ ...map, name, value: m })),
        { ...map, name: "short", value: l },
        { ...map, name: "both", key: m, value: l },
        { ...map, name: long("name", 70), value: s },
        { ...map, name: "few", type: "ARRAY_OF_MAPS", inner: inner.slice(0, 4) },
        { ...map, name: "many", type: "ARRAY_OF_MAPS", inner },
        { ...map, name: long("ring", 50), type: "RINGBUF", record: long("r", 20), value: s },
      ],
      variables: [{ name: "new", section: ".data", size: 1, readOnly: false, type: "E" }],
      programs: [{ name: "a.b", section: '*/ "' }],
      types: [...types, { kind: "enum", name: "E", c: "enum", size: 4, values, other: "number" }],
    },
    { object: `${long("folder", 90)}/*/ #1.o`, module: "x.ts" },
  );
  expect(biome({ "long.types.ts": text })).toEqual([0, "", "Checked 1 file"]);
  expect(typeErrors(new Map([["long.types.ts", text]])).get("long.types.ts")).toBe(undefined);
});

describe("types of handles", () => {
  const head = `import { createVm } from "xdpkit/vm";
import { KernelHandles, LoadedObject } from "xdpkit/kernel";
import * as skeleton from "./skeleton.types.ts";
const vm = await createVm(skeleton.object(), { program: skeleton.programs.count });
const kernel = new KernelHandles(new LoadedObject(skeleton.object({ step: 2 })));
`;
  const ACCEPTED: readonly string[] = [
    'vm.map(skeleton.sessions).set({ tenant: 1 }, { role: "SERVER", ends: [{ port: 80 }], skew: -1 });',
    "vm.map(skeleton.sessions).set({ tenant: 1 }, { peer: { v6: [1, 2] }, total: 1n << 100n });",
    "kernel.open(skeleton.sessions).get({ number: 2 })!.ends[1]!.mac.bytes[0]!.toFixed();",
    'kernel.open(skeleton.function_).set("SERVER", [{ count: 1 }, { count: 2n }]);',
    "kernel.open(skeleton.function_).get(1)!.map(({ count }) => count + 1n);",
    "vm.map(skeleton.await_).value.limit.toFixed(); vm.map(skeleton.table).value = [1n, 2];",
    "vm.map(skeleton.raw).drain()[0]!.byteLength.toFixed(); for await (const { length } of kernel.open(skeleton.events)) length + 1n;",
    "kernel.open(skeleton.samples).on(({ length, packet }) => length + BigInt(packet!.length));",
    'vm.map(skeleton.commands).send({ role: "CLIENT" });',
    'vm.map(skeleton.programs_).set(1, "count"); vm.map(skeleton.sides).set(1, "right");',
    "vm.map(skeleton.cpus).set(1, { queueSize: 8, program: skeleton.programs.delete });",
  ];
  const REFUSED: readonly (readonly [statement: string, error: string])[] = [
    [
      "vm.map(skeleton.sessions).set({ tenent: 1 }, {});",
      "Object literal may only specify known properties, but 'tenent' does not exist in type 'GivenMembers<SessionsKey>'. Did you mean to write 'tenant'?",
    ],
    [
      "kernel.open(skeleton.sessions).set({}, { ends: [{ prot: 1 }] });",
      "Object literal may only specify known properties, and 'prot' does not exist in type 'GivenMembers<Endpoint>'.",
    ],
    [
      'vm.map(skeleton.sessions).set({}, { role: "SERVERS" });',
      `Type '"SERVERS"' is not assignable to type 'number | bigint | "CLIENT" | "SERVER" | "OTHER" | undefined'. Did you mean '"SERVER"'?`,
    ],
    ["vm.map(skeleton.sessions).get({})!.skew.toFixed();", "Property 'toFixed' does not exist on type 'bigint'."],
    ["vm.map(skeleton.sessions).get({}).flag;", "Object is possibly 'undefined'."],
    [
      'vm.map(skeleton.commands).send({ rule: "CLIENT" });',
      "Object literal may only specify known properties, and 'rule' does not exist in type 'GivenMembers<Event>'.",
    ],
    ["vm.map(skeleton.step).value = 2;", "Cannot assign to 'value' because it is a read-only property."],
    [
      "skeleton.object({ steps: 2 });",
      "Object literal may only specify known properties, but 'steps' does not exist in type 'GivenMembers<Variables>'. Did you mean to write 'step'?",
    ],
    [
      'vm.map(skeleton.programs_).set(1, "counts");',
      `Argument of type '"counts"' is not assignable to parameter of type '"count" | "jump_to_the_program_that_is_in_the_table" | "delete"'.`,
    ],
    [
      "vm.map(skeleton.sides).set(0, skeleton.left);",
      `Argument of type 'Foreign<ForeignMap<number, bigint>>' is not assignable to parameter of type '"left" | "right"'.`,
    ],
  ];
  let errors: ReadonlyMap<string, string>;
  beforeAll(() => {
    const module = printModule(describeObject(read(SKELETON), RECORDS), {
      object: "a/skeleton.o",
      module: "a/skeleton.types.ts",
    });
    const statements = [...ACCEPTED, ...REFUSED.map(([statement]) => statement)];
    const texts = statements.map((statement, index) => [`${index}.ts`, head + statement] as const);
    errors = typeErrors(new Map([["skeleton.types.ts", module], ...texts]));
  });

  it.each(ACCEPTED.map((statement, index) => ({ statement, index })))("$statement", ({ index }) => {
    expect(errors.get(`${index}.ts`)).toBe(undefined);
  });
  it.each(REFUSED.map(([statement, error], index) => ({ statement, error, index })))(
    "refused: $statement",
    ({ error, index }) => expect(errors.get(`${ACCEPTED.length + index}.ts`)).toBe(error),
  );
});

describe("the command", () => {
  beforeAll(() => {
    cpSync(SKELETON, file("skeleton.o"));
    cpSync(join(ROOT, "examples/end/end.xdp.ts"), file("end.xdp.ts"));
    writeFileSync(file("bare.o"), writeElf({ license: "GPL", functions: [], maps: [], externs: [] }));
    writeFileSync(file("text.o"), "not an object\n");
    writeFileSync(file("cut.o"), readFileSync(SKELETON).subarray(0, 900));
  });

  it("writes to standard output, or to a file that then has what it had or all of it", () => {
    const printed = xdpkit("types", "skeleton.o");
    expect([printed.status, printed.stderr]).toEqual([0, ""]);
    expect(printed.stdout.split("\n")[0]).toBe(
      "// xdpkit types skeleton.o: change the object and run it again, not this file.",
    );
    mkdirSync(file("generated"));
    expect(xdpkit("types", "skeleton.o", "-o", "generated/new.ts")).toEqual({ status: 0, stdout: "", stderr: "" });
    const written = readFileSync(file("generated/new.ts"), "utf8");
    const [, ...body] = printed.stdout.replace('"skeleton.o", import', '"../skeleton.o", import').split("\n");
    expect(written.split("\n")).toEqual([
      "// xdpkit types ../skeleton.o -o new.ts: change the object and run it again, not this file.",
      ...body,
    ]);
    expect(xdpkit("types", "cut.o", "-o", "generated/new.ts").status).toBe(2);
    expect(readFileSync(file("generated/new.ts"), "utf8")).toBe(written);
    expect(readdirSync(file("generated"))).toEqual(["new.ts"]);
  });

  it("describes the object as JSON", () => {
    const { stdout } = xdpkit("types", "skeleton.o", "--json");
    const { maps, variables, programs, types } = JSON.parse(stdout);
    const one = (rows: readonly { readonly name: string }[], name: string) => rows.find((row) => row.name === name);
    expect(one(maps, "sessions")).toEqual({
      name: "sessions",
      type: "HASH",
      keySize: 8,
      valueSize: 128,
      maxEntries: 16,
      key: "SessionsKey",
      value: "Session",
    });
    expect(one(maps, "sides")).toMatchObject({ type: "ARRAY_OF_MAPS", inner: ["left", "right"] });
    expect(one(variables, "step")).toEqual({
      name: "step",
      section: ".rodata",
      size: 1,
      readOnly: true,
      type: "number",
    });
    expect(programs[2]).toEqual({ name: "delete", section: "xdp/cpumap" });
    expect(one(types, "Class")).toEqual({
      name: "Class",
      c: "enum class",
      size: 8,
      kind: "enum",
      values: [
        { name: "NARROW", value: "1" },
        { name: "WIDE_AS_CAN_BE", value: "1099511627776" },
      ],
      other: "bigint",
    });
  });

  it.each<[what: string, words: readonly string[], error: string]>([
    [
      "no BTF",
      ["bare.o"],
      "CLI_NO_BTF at bare.o: the object has no BTF, so nothing is known of its types (compile it with clang -g)",
    ],
    [
      "no object",
      ["text.o"],
      "CLI_NOT_AN_OBJECT at text.o: this is a text file, not an ELF object of BPF programs (give a *.xdp.ts, or what clang -target bpf -O2 -g -c has made)",
    ],
    [
      "no file",
      ["none.o"],
      "CLI_FILE at none.o: cannot read the file: it does not exist (check the name and the permissions)",
    ],
    [
      "a module",
      ["end.xdp.ts"],
      "CLI_USAGE: end.xdp.ts is a module, whose maps and variables are typed already (import them from it; types is for objects of other compilers)",
    ],
    [
      "its input as the output",
      ["skeleton.o", "-o", "skeleton.o"],
      "CLI_FILE at skeleton.o: cannot write the file: it is the input (write to another file)",
    ],
    [
      "records of what is no stream",
      ["skeleton.o", "--record", "sessions=event"],
      'CLI_RECORD_OPTION at skeleton.o: "sessions=event" does not say what the records of a ring buffer or perf array are (write --record events=TYPE; there are events, raw, samples, commands)',
    ],
    [
      "records of no type",
      ["skeleton.o", "--record", "raw=evnt"],
      "OBJECT_NO_TYPE at skeleton.o: the object's BTF has no struct, union or typedef evnt (clang leaves out what nothing names: const struct evnt *unused __attribute__((unused));)",
    ],
    [
      "two places",
      ["skeleton.o", "-o", "x.ts", "--json"],
      "CLI_USAGE: --json and --output exclude each other (xdpkit --help lists the commands, xdpkit COMMAND --help their options)",
    ],
  ])("refuses %s in one line", (_what, words, error) => {
    const { status, stdout, stderr } = xdpkit("types", ...words);
    expect([status, stderr]).toEqual([2, `xdpkit: error ${error}\n`]);
    expect(stdout === "").toBe(!(words as readonly string[]).includes("--json"));
  });
});
