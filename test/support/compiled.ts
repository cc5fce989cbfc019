/** Compiled programs on the machine and in the kernel, observed in the form that the reference is observed in. */
import { printHex } from "../../src/base/index.ts";
import { type CompilableProgram, compileOrThrow } from "../../src/compiler/index.ts";
import { LoadedObject, possibleCpus } from "../../src/kernel/index.ts";
import { entriesOf } from "../../src/lang/index.ts";
import type { BpfMap, BpfObject } from "../../src/object/index.ts";
import { decode, encode, layoutOf, print, type Schema } from "../../src/schema/index.ts";
import { createVm } from "../../src/vm/index.ts";
import { type Handle, isHandle, type Observation } from "./observe.ts";
import type { RandomRun } from "./random-modules.ts";

type Exports = Readonly<Record<string, unknown>>;

/** A place to run programs: maps are bytes. */
interface Engine extends Disposable {
  run(packet: Uint8Array): { readonly action: number; readonly packet: Uint8Array };
  set(map: string, key: Uint8Array, value: Uint8Array | { readonly interface: number }): void;
  /** Raw entries; the first CPU's value of per-CPU maps. */
  entries(map: string): (readonly [key: Uint8Array, value: Uint8Array])[];
  /** Of a per-CPU map of one key, the values of all CPUs. */
  values(map: string, key: Uint8Array): Uint8Array[];
}

export type EngineName = "interpreter" | "kernel";

const pad = (bytes: Uint8Array, size: number): Uint8Array => {
  const padded = new Uint8Array(size);
  padded.set(bytes);
  return padded;
};

const isPerCpu = (type: number): boolean => [5, 6, 10].includes(type);

function chunks(bytes: Uint8Array, size: number): Uint8Array[] {
  const padded = Math.ceil(size / 8) * 8;
  return Array.from({ length: bytes.length / padded }, (_, at) => bytes.slice(at * padded, at * padded + size));
}

async function machineEngine(object: BpfObject, program: string): Promise<Engine> {
  // Zeros where nothing was written, as in the kernel's test runs; `strict` faults where such a byte decides anything.
  const vm = await createVm(object, { program, unwritten: "zero" });
  const strict = await createVm(object, { program });
  const definition = (map: string): BpfMap => vm.map(map).definition;
  const perCpu = (map: string, raw: Uint8Array): Uint8Array[] =>
    isPerCpu(definition(map).type) ? chunks(raw, definition(map).valueSize) : [raw];
  return {
    run: (packet) => {
      strict.run(packet);
      return vm.run(packet);
    },
    set: (map, key, value) => {
      strict.map(map).set(key, value);
      vm.map(map).set(key, value);
    },
    entries: (map) => [...vm.map(map).keys()].map((key) => [key, perCpu(map, vm.map(map).getBytes(key)!)[0]!] as const),
    values: (map, key) => perCpu(map, vm.map(map).getBytes(key)!),
    [Symbol.dispose]: () => {},
  };
}

/** Programs run on one CPU: which one, the values tell. */
function kernelEngine(object: BpfObject, program: string): Engine {
  const loaded = new LoadedObject(object);
  const { definition } = { definition: (map: string): BpfMap => loaded.map(map).definition };
  const cpus = possibleCpus();
  const valuesOf = (map: string, raw: Uint8Array): Uint8Array[] =>
    isPerCpu(definition(map).type) ? chunks(raw, definition(map).valueSize) : [raw];
  return {
    run: (packet) => loaded.program(program).run(packet),
    set: (map, key, value) => {
      const { valueSize, type } = definition(map);
      const bytes = value instanceof Uint8Array ? value : pad(Uint8Array.of(1), valueSize);
      const padded = pad(bytes, Math.ceil(valueSize / 8) * 8);
      const all = isPerCpu(type) ? Uint8Array.from(Array.from({ length: cpus }, () => [...padded]).flat()) : bytes;
      const result = loaded.map(map).trySet(key, all);
      if (result < 0) throw new Error(`setting an element of ${map}: error ${-result}`);
    },
    entries: (map) =>
      [...loaded.map(map).keys()].map((key) => [key, valuesOf(map, loaded.map(map).get(key)!)[0]!] as const),
    values: (map, key) => valuesOf(map, loaded.map(map).get(key)!),
    [Symbol.dispose]: () => loaded[Symbol.dispose](),
  };
}

export function compiledObject(exports: Exports): BpfObject {
  return compileOrThrow(exports["program"] as CompilableProgram).object;
}

/** Runs the packets of a run, one after another, with fresh maps. */
export async function observeCompiled(
  exports: Exports,
  object: BpfObject,
  run: RandomRun,
  engineName: EngineName,
  program = "program",
): Promise<Observation> {
  const engine = engineName === "kernel" ? kernelEngine(object, program) : await machineEngine(object, program);
  try {
    return observeOn(engine, exports, object, run);
  } finally {
    engine[Symbol.dispose]();
  }
}

function observeOn(engine: Engine, exports: Exports, object: BpfObject, run: RandomRun): Observation {
  const declared = new Set(object.maps.map(({ name }) => name));
  const names = new Map(
    Object.entries(exports).flatMap(([name, one]) => (declared.has(name) ? [[one as object, name]] : [])),
  );
  for (const { map, entries } of entriesOf(names)) for (const { key, value } of entries) engine.set(map, key, value);
  for (const [handle, entries] of run.maps) fill(engine, handle as Handle, entries, declared);
  const verdicts = run.packets.map((bytes) => {
    const { action, packet } = engine.run(bytes);
    return { action, packet: printHex(packet) };
  });
  const state = Object.entries(exports).flatMap(([name, handle]) => {
    const lines = isHandle(handle) ? linesOf(engine, object, name, handle, declared) : undefined;
    return lines ? [[name, lines] as const] : [];
  });
  return { verdicts, state: Object.fromEntries(state) };
}

function fill(
  engine: Engine,
  handle: Handle,
  entries: Iterable<readonly [unknown, unknown]>,
  declared: ReadonlySet<string>,
): void {
  const { name, declaration } = handle as Handle & { readonly name: string };
  if (!declared.has(name) || !declaration) return;
  for (const [key, value] of entries) {
    const at = encode(declaration.key!, key);
    engine.set(name, at, declaration.value ? encode(declaration.value, value) : (value as { interface: number }));
  }
}

/** Map types that hold values: others hold programs, maps, or what user space alone reads. */
const HOLDING_VALUES = /HASH$|^(PERCPU_)?ARRAY$|^LPM_TRIE$/;

/** Undefined for what the program does not use: the object does not have it. */
function linesOf(
  engine: Engine,
  object: BpfObject,
  name: string,
  { declaration, names, schema }: Handle,
  declared: ReadonlySet<string>,
): string[] | undefined {
  if (schema) return variableLines(engine, object, name, schema);
  if (!declared.has(name)) return undefined;
  if (names) return names.map((reason, index) => `${reason} ${counter(engine, name, index)}`);
  if (!declaration?.key || !declaration.value || !HOLDING_VALUES.test(declaration.type)) return undefined;
  const { key, value } = declaration;
  return engine
    .entries(name)
    .map(
      ([at, held]) =>
        `${print(key!, decode(key!, at))} = ${print(value, decode(value, current(engine, name, at, held)))}`,
    )
    .toSorted();
}

const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

const counter = (engine: Engine, map: string, index: number): bigint =>
  engine
    .values(map, word(0))
    .reduce((sum, value) => sum + new DataView(value.buffer, value.byteOffset).getBigUint64(8 * index, true), 0n);

/** Of a per-CPU value, the one of the CPU that ran: the thread is pinned to the first. */
function current(engine: Engine, map: string, key: Uint8Array, held: Uint8Array): Uint8Array {
  return engine.values(map, key)[0] ?? held;
}

function variableLines(engine: Engine, object: BpfObject, name: string, schema: Schema<unknown>): string[] | undefined {
  for (const map of object.maps) {
    const variable = map.data?.variables.find((one) => one.name === name);
    if (!variable) continue;
    const [value] = engine.values(map.name, word(0));
    return [print(schema, decode(schema, value!.slice(variable.offset, variable.offset + layoutOf(schema).size)))];
  }
  return undefined;
}

/** What the object does not have is left out of the other's observation, too. */
export function comparable(expected: Observation, found: Observation): Observation {
  const state = Object.fromEntries(Object.entries(expected.state).filter(([name]) => name in found.state));
  return { verdicts: expected.verdicts, state };
}
