/**
 * The registry: what is known about functions of `*.xdp.ts` modules, found by the identity of the function object, so
 * that re-exports, aliases and factories need no linking.
 *
 * Instrumented modules write into it (src/compiler/stage/runtime-text.ts), the compiler reads. Invariant: there is one
 * per process, under Symbol.for("xdpkit.registry"), whichever copy of the package or which module came first.
 */
import { type SourceLocation, xdpkitError } from "../base/index.ts";

/** A kernel module that has been evaluated. */
export interface StagedModule {
  /** Unique in the process; a path unless its loader said otherwise. */
  readonly id: string;
  /** Path of its source, for places in errors. */
  readonly file: string;
  /** The original text, types included. */
  readonly source: string;
}

/** Only functions, arrows, methods and getters are compiled. */
export type FunctionKind = "function" | "arrow" | "method" | "getter" | "setter" | "constructor";

/** Where a function of a kernel module stands, and what it takes from outside. */
export interface FunctionDescription {
  /** The module that it is written in. */
  readonly module: StagedModule;
  /** As in the source, whatever a minifier made of it; "" when it has none. */
  readonly name: string;
  /** UTF-16 offsets into `module.source`. Of a method, getter or setter: the whole member of its class or object. */
  readonly start: number;
  /** Offset behind its last character in the module's text. */
  readonly end: number;
  /** What it is in the source. */
  readonly kind: FunctionKind;
  /**
   * The names that the function takes from enclosing scopes or from the host (`Math`), each with its value now. A thunk
   * throws ReferenceError while the name is not initialised, or when there is no such global.
   */
  readonly captures: ReadonlyMap<string, () => unknown>;
}

type FunctionRow = readonly [start: number, end: number, kind: FunctionKind, name: string, captures: readonly string[]];
type Thunk = () => unknown;

interface ModuleRecord extends StagedModule {
  readonly functions: readonly FunctionRow[];
  readonly names: readonly (readonly [name: string, value: Thunk])[];
}

interface FunctionRecord {
  readonly module: ModuleRecord;
  readonly index: number;
  readonly thunks: readonly Thunk[];
  /** Only when it comes from a computed key. */
  readonly name?: string | undefined;
}

interface Store {
  readonly functions: WeakMap<object, FunctionRecord>;
  readonly modules: Map<string, ModuleRecord>;
}

const KEY = Symbol.for("xdpkit.registry");

function store(): Store {
  const host = globalThis as { [KEY]?: Store };
  host[KEY] ??= { functions: new WeakMap(), modules: new Map() };
  return host[KEY];
}

/** What is known about a function, method, getter or setter; undefined when it comes from no instrumented module. */
export function describeFunction(fn: object): FunctionDescription | undefined {
  const record = store().functions.get(fn);
  if (!record) return undefined;
  const { id, file, source, functions } = record.module;
  const [start, end, kind, name, names] = functions[record.index]!;
  const captures = new Map(names.map((capture, n) => [capture, record.thunks[n]!]));
  return { module: { id, file, source }, name: record.name ?? name, start, end, kind, captures };
}

/**
 * The same; the error has the command that helps.
 *
 * @throws XdpkitError STAGE_NOT_INSTRUMENTED
 */
export function requireRegistered(fn: { readonly name: string }, at?: SourceLocation): FunctionDescription {
  const description = describeFunction(fn);
  if (!description) throw xdpkitError("STAGE_NOT_INSTRUMENTED", { name: fn.name }, { at });
  return description;
}

/** A value that a module exports or declares by name. */
export interface NamedValue {
  /** As in the module. */
  readonly name: string;
  /** The module that declares it. */
  readonly module: StagedModule;
}

/**
 * The name of the module-level constant or class that holds `value`: what maps and programs are called. Undefined when
 * there is none, or its module has not come that far yet. Of several, the one of the module that was evaluated first.
 */
export function nameOf(value: object): NamedValue | undefined {
  const known = found.get(value) ?? findName(value);
  if (known) found.set(value, known);
  return known;
}

/** Names that were asked for: a map is asked its own many times while a program is compiled. */
const found = new WeakMap<object, NamedValue>();

function findName(value: object): NamedValue | undefined {
  for (const { id, file, source, names } of store().modules.values()) {
    for (const [name, thunk] of names) if (valueNow(thunk) === value) return { name, module: { id, file, source } };
  }
  return undefined;
}

function valueNow(thunk: Thunk): unknown {
  try {
    return thunk();
  } catch {
    return undefined; // a ReferenceError: the module is still being evaluated
  }
}
