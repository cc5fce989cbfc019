/**
 * Objects of `xdpkit build` in the tools that others load them with: bpftool (libbpf), iproute2, and bpf(2) with the
 * verifier's log. Programs, maps and source lines have their names everywhere.
 *
 * Pins live in a bpf file system of this test's own, interfaces in a namespace of its own.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CompilableProgram, compile, programsOf } from "../../src/compiler/index.ts";
import { LoadedObject } from "../../src/kernel/index.ts";
import { MapHandle, Outcomes } from "../../src/lang/index.ts";
import { type Layout, layoutOf, type Schema, u32 } from "../../src/schema/index.ts";
import { BpfFolder } from "../support/bpf-folder.ts";
import { type Built, BuiltExamples, sourceLine } from "../support/built-examples.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Every example (srv6 is what some have in common), and a module with what they have no need of. */
const MODULES: readonly (readonly [name: string, module: string])[] = [
  ...readdirSync(join(ROOT, "examples"))
    .map((name) => [name, `examples/${name}/${name}.xdp.ts`] as const)
    .filter(([, module]) => existsSync(join(ROOT, module))),
  ["every-kind", "test/programs/every-kind.xdp.ts"],
];

/** Programs that `ip link` cannot attach from their object, and what it says. */
const NOT_FROM_OBJECT: readonly (readonly [name: string, section: string, says: string])[] = [
  ["cpu-spread", "xdp/cpumap", "BPF_XDP_CPUMAP programs can not be attached to a device"],
  ["egress", "xdp/devmap", "BPF_XDP_DEVMAP programs can not be attached to a device"],
  ["every-kind", "xdp.frags/cpumap", "BPF_XDP_CPUMAP programs can not be attached to a device"],
  ["every-kind", "xdp.frags/devmap", "BPF_XDP_DEVMAP programs can not be attached to a device"],
  // Of all programs ip loads only the one that it attaches: those of a table have no descriptor then.
  ["tlv-dispatch", "xdp", "map 'behaviours': failed to initialize slot"],
];

/** Programs whose log is too long to read: the verifier walks so many instructions, with about 700 bytes for each. */
const LONG_LOGS: Readonly<Record<string, number>> = { "icmp-errors": 100_000 };

/** Map types that the kernel takes no BTF for: bpftool shows their elements as bytes. */
const UNTYPED: readonly string[] = [
  ..."prog_array array_of_maps hash_of_maps devmap devmap_hash cpumap xskmap".split(" "),
  ..."queue stack bloom_filter ringbuf perf_event_array".split(" "),
];

const examples = new BuiltExamples();
// About 12 seconds on an idle machine.
beforeAll(() => examples.build(MODULES.map(([, module]) => module)), 180_000);
afterAll(() => examples[Symbol.dispose]());

function run(command: string, ...words: string[]) {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: "utf8", timeout: 30_000 });
  return { status, stdout, stderr };
}

/** Standard output; a warning of libbpf is a failure, too. */
function output(command: string, ...words: string[]): string {
  const { status, stdout, stderr } = run(command, ...words);
  expect({ command: [command, ...words].join(" "), status, stderr }).toMatchObject({ status: 0, stderr: "" });
  return stdout;
}

/** Several commands in one process, and what each prints; null where a command prints nothing. */
function bpftool(commands: readonly string[]): unknown[] {
  const input = commands.join("\n");
  const words = ["--json", "batch", "file", "-"];
  const { status, stdout, stderr } = spawnSync("bpftool", words, { input, encoding: "utf8", timeout: 30_000 });
  expect({ input, status, stderr, ...(status === 0 ? {} : { stdout }) }).toEqual({ input, status: 0, stderr: "" });
  return (JSON.parse(stdout) as { output?: unknown }[]).map((one) => one.output);
}

const programsIn = ({ object }: Built) => object.functions.filter(({ program }) => program !== undefined);

/** Names that the kernel keeps have 15 characters. */
const short = (name: string): string => name.slice(0, 15);

interface LineRow {
  readonly src?: string;
  readonly file?: string;
  readonly line_num?: number;
}
interface ProgramRow {
  readonly map_ids?: readonly number[];
}
interface MapRow {
  readonly name: string;
  readonly type: string;
  readonly id: number;
  readonly btf_id?: number;
  readonly bytes_key: number;
  readonly bytes_value: number;
}
interface ElementRow {
  readonly formatted: { readonly value?: object; readonly values?: readonly { readonly value: object }[] };
}
interface VariableRow {
  readonly formatted: { readonly value: Readonly<Record<string, readonly object[]>> };
}
interface TypeRow {
  readonly kind: string;
  readonly name: string;
  readonly size?: number;
}

/** What the map's BTF must say of a schema. */
function typeOf(layout: Layout): Partial<TypeRow> {
  switch (layout.kind) {
    case "struct":
      return { kind: "STRUCT", name: layout.name, size: layout.size };
    case "integer":
      return { kind: "TYPEDEF", name: `__${layout.byteOrder === "host" ? "u" : "be"}${8 * layout.size}` };
    case "address":
      return layout.family === "ipv4" ? { kind: "TYPEDEF", name: "__be32" } : { kind: "ARRAY" };
    default:
      return { kind: "ARRAY" };
  }
}

type Handle = MapHandle | Outcomes<string>;

/** What a module declares its maps by, under the names that the kernel has. */
async function handlesOf(module: string): Promise<ReadonlyMap<string, Handle>> {
  const exports = await import(/* @vite-ignore */ join(ROOT, module));
  const { names } = compile(programsOf(exports) as CompilableProgram[]);
  const isMap = (handle: object): handle is Handle => handle instanceof MapHandle || handle instanceof Outcomes;
  return new Map([...names].flatMap(([handle, name]) => (isMap(handle) ? [[short(name), handle] as const] : [])));
}

function expectedTypes(handle: Handle): { key: Partial<TypeRow>; value: Partial<TypeRow> } {
  if (handle instanceof Outcomes) {
    const { name, names } = handle;
    return { key: typeOf(layoutOf(u32)), value: { kind: "STRUCT", name, size: 8 * names.length } };
  }
  const { key, value, type } = handle.declaration as { key: Schema<unknown>; value: Schema<unknown>; type: string };
  const plain = typeOf(layoutOf(key));
  return { key: type === "LPM_TRIE" ? { kind: "STRUCT" } : plain, value: typeOf(layoutOf(value)) };
}

/** Fields of a struct that BTF has under their own names: bit fields across bytes are in parts. */
function fieldsOf(handle: Handle | undefined): string[] {
  if (handle instanceof Outcomes) return [...handle.names];
  const value = handle?.declaration.value;
  const layout = value && layoutOf(value);
  return layout?.kind === "struct"
    ? layout.fields.filter((one) => one.layout.kind !== "bits").map((one) => one.name)
    : [];
}

suite("bpftool", ["root", "bpf", "bpftool"], () => {
  let pins: BpfFolder;
  beforeAll(() => {
    pins = new BpfFolder();
  });
  afterAll(() => pins[Symbol.dispose]());

  describe.each(MODULES)("%s", (name, module) => {
    const pinned = (program: string): string => join(pins.path, name, program);
    const programs = (): string[] => programsIn(examples.get(name)).map((one) => one.name);
    let maps: readonly MapRow[];
    let handles: ReadonlyMap<string, Handle>;

    it("loads", () => {
      expect(output("bpftool", "prog", "loadall", examples.get(name).path, join(pins.path, name))).toBe("");
      expect(readdirSync(join(pins.path, name)).sort()).toEqual(programs().sort());
    });

    it("shows the programs by name", () => {
      const shown = bpftool(programs().map((program) => `prog show pinned ${pinned(program)}`)) as ProgramRow[];
      const expected = programs().map((program) => ({ type: "xdp", name: short(program), gpl_compatible: true }));
      expect(shown).toMatchObject(expected);
      const ids = new Set(shown.flatMap((row) => row.map_ids ?? []));
      maps = bpftool(Array.from(ids, (id) => `map show id ${id}`)) as MapRow[];
    });

    it("shows the source lines", () => {
      const dumps = bpftool(programs().map((program) => `prog dump xlated pinned ${pinned(program)} linum`));
      for (const [index, rows] of (dumps as LineRow[][]).entries()) {
        // The first instruction is the program's own; others may be of modules that it imports.
        expect(rows[0]).toMatchObject({ proto: `int ${programs()[index]}(struct xdp_md * ctx)`, file: module });
        for (const { file, line_num, src } of rows)
          if (file !== undefined)
            expect([file, line_num, src?.trim()]).toEqual([file, line_num, sourceLine(file, line_num!)]);
      }
    });

    it("shows the types of keys and values", async () => {
      handles = await handlesOf(module);
      const named = examples.get(name).object.maps.flatMap((map) => (map.data ? [] : [short(map.name)]));
      expect(maps.map((map) => map.name)).toEqual(expect.arrayContaining(named));
      const [untyped, typed] = [true, false].map((is) =>
        maps.filter((map) => named.includes(map.name) && UNTYPED.includes(map.type) === is),
      );
      expect(untyped!.filter((map) => map.btf_id !== undefined)).toEqual([]);
      const shown = bpftool(typed!.map(({ id }) => `btf dump map id ${id} kv`)) as { types: TypeRow[] }[];
      const found = shown.map(({ types }, index) => ({ map: typed![index]!.name, key: types[0], value: types[1] }));
      expect(found).toMatchObject(typed!.map((map) => ({ map: map.name, ...expectedTypes(handles.get(map.name)!) })));
    });

    it("shows values by the names of their fields", () => {
      const structs = maps.filter(
        ({ name, type }) => !UNTYPED.includes(type) && fieldsOf(handles.get(name)).length > 0,
      );
      const zeros = (bytes: number): string => " 0".repeat(bytes);
      bpftool(
        structs
          .filter(({ type }) => !type.includes("array"))
          .map((map) => `map update id ${map.id} key${zeros(map.bytes_key)} value${zeros(map.bytes_value)}`),
      );
      const found = bpftool(structs.map((map) => `map lookup id ${map.id} key${zeros(map.bytes_key)}`)) as ElementRow[];
      for (const [index, { formatted }] of found.entries()) {
        const { name } = structs[index]!;
        const value = formatted.value ?? formatted.values![0]!.value;
        expect([name, Object.keys(value)]).toEqual([name, expect.arrayContaining(fieldsOf(handles.get(name)))]);
      }
    });

    it("shows variables by name", () => {
      const sections = examples.get(name).object.maps.flatMap(({ data }) => data ?? []);
      const ids = sections.map(({ section }) => maps.find((map) => map.name.endsWith(section))!.id);
      const dumps = bpftool(ids.map((id) => `map dump id ${id}`)) as VariableRow[][];
      const found = dumps.map(([row], index) => row!.formatted.value[sections[index]!.section]!.flatMap(Object.keys));
      expect(found).toEqual(sections.map(({ variables }) => variables.map((one) => one.name)));
    });

    it("makes a skeleton and C types of it", () => {
      const { path, object } = examples.get(name);
      const skeleton = output("bpftool", "gen", "skeleton", path);
      for (const program of programs()) expect(skeleton).toContain(`struct bpf_program *${program};`);
      for (const map of object.maps) if (!map.data) expect(skeleton).toContain(`struct bpf_map *${map.name};`);
      const types = output("bpftool", "btf", "dump", "file", path, "format", "c");
      for (const type of object.btf!.types)
        if (type.kind === "struct" && type.name !== "") expect(types).toContain(`struct ${type.name} {`);
    });
  });
});

suite("iproute2", ["root", "bpf", "ip", "bpftool"], () => {
  let namespace: Namespace;
  let pins: BpfFolder;
  beforeAll(() => {
    pins = new BpfFolder();
    namespace = new Namespace("interop");
    namespace.veth("v0", "v1");
  });
  afterAll(() => {
    namespace[Symbol.dispose]();
    pins[Symbol.dispose]();
  });

  const ip = (...words: string[]) => run("ip", "netns", "exec", namespace.name, "ip", ...words);
  interface Link {
    readonly xdp?: { readonly mode: number; readonly prog: { readonly name: string } };
  }
  const attached = (): Link["xdp"] => (JSON.parse(namespace.ip("-j link show v0")) as [Link])[0].xdp;
  /** XDP_ATTACHED_DRV and XDP_ATTACHED_SKB of include/uapi/linux/if_link.h. */
  const MODES = { xdpdrv: 1, xdpgeneric: 2 } as const;

  /** Attaches, looks, detaches. */
  function attach(mode: keyof typeof MODES, program: string, ...what: string[]): void {
    try {
      expect(ip("link", "set", "dev", "v0", mode, ...what)).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(attached()).toMatchObject({ mode: MODES[mode], prog: { name: short(program) } });
    } finally {
      ip("link", "set", "dev", "v0", mode, "off");
    }
    expect(attached()).toBeUndefined();
  }

  const sectionsOf = (built: Built): string[] => [...new Set(programsIn(built).map((one) => one.section))];
  const programOf = (name: string, section: string): string =>
    programsIn(examples.get(name)).find((one) => one.section === section)!.name;
  const isRefused = (name: string, section: string): boolean =>
    NOT_FROM_OBJECT.some((row) => row[0] === name && row[1] === section);

  it.each(MODULES)("attaches %s from its object", (name) => {
    const built = examples.get(name);
    for (const section of sectionsOf(built)) {
      if (isRefused(name, section)) continue;
      attach("xdpdrv", programOf(name, section), "obj", built.path, "sec", section);
    }
  });

  it("attaches to interfaces whose drivers know nothing of XDP", () => {
    attach("xdpgeneric", "end", "obj", examples.get("end").path, "sec", "xdp");
  });

  it.each(NOT_FROM_OBJECT)("does not attach %s, section %s, from its object: %s", (name, section, says) => {
    const { status, stderr } = ip("link", "set", "dev", "v0", "xdp", "obj", examples.get(name).path, "sec", section);
    expect(status).not.toBe(0);
    expect(stderr).toContain(says);
  });

  it("attaches tlv-dispatch, with its table of programs, when bpftool has loaded it", () => {
    output("bpftool", "prog", "loadall", examples.get("tlv-dispatch").path, join(pins.path, "tlv-dispatch"));
    attach("xdpdrv", "dispatch", "pinned", join(pins.path, "tlv-dispatch", "dispatch"));
  });
});

suite("the verifier's log", ["bpf", "kernel 6.8"], () => {
  it.each(MODULES)("names the lines of %s", (name, module) => {
    const { object } = examples.get(name);
    const files = new Map(object.functions.flatMap(({ lines }) => lines.map(({ file }) => [basename(file), file])));
    const limit = LONG_LOGS[name];
    using loaded = new LoadedObject(object, { logLevel: limit === undefined ? 2 : 4 });
    for (const { name: program, program: kind } of object.functions) {
      if (!kind) continue;
      const { log } = loaded.program(program);
      const [, processed] = /^processed (\d+) insns/m.exec(log)!;
      if (limit !== undefined) {
        expect(Number(processed)).toBeGreaterThan(limit);
        continue;
      }
      const rows = [...log.matchAll(/^; (.*) @ (\S+):(\d+)$/gm)];
      expect(new Set(rows.map(([, , file]) => file))).toContain(basename(module));
      for (const [, text, file, line] of rows)
        expect(`${file}:${line} ${text!.trim()}`).toBe(
          `${file}:${line} ${sourceLine(files.get(file!)!, Number(line))}`,
        );
    }
  });
});
