/**
 * What an instrumented module carries at its end: its source, the table of its functions, and the functions that tell
 * the registry (src/lang/registry.ts, where the shapes are declared).
 *
 * Invariants: all of it is hoisted, since in an import cycle others call us before our body has run; it imports nothing
 * and its id is a literal, so that it works in a bundle; no text of the module is changed by it.
 */
import type { Site } from "./sites.ts";

export interface ModuleText {
  readonly id: string;
  readonly file: string;
  readonly source: string;
  readonly sites: readonly Site[];
  /** Module-level constants, which name what they hold. */
  readonly names: readonly string[];
}

/** A prefix for our names that the source does not contain. */
export function freePrefix(source: string): string {
  let prefix = "$xdpkit";
  for (let n = 1; source.includes(prefix); n++) prefix = `$xdpkit${n}`;
  return prefix;
}

export const thunks = (names: readonly string[]): string => `[${names.map((name) => `() => ${name}`).join(", ")}]`;

/**
 * `_m()` the module's record; `_f(index, function, thunks, name?)` records and names a function expression;
 * `_k(index, key)` keeps a computed key; `_o(owner, members)` records methods of an object or class, each
 * `[index, on the prototype, key or [] when computed, "value" | "get" | "set" | "", thunks]`.
 */
export function runtimeText(prefix: string, module: ModuleText): string {
  const rows = module.sites.map(({ node, functionKind, name, captures }) =>
    JSON.stringify([node.start, node.end, functionKind, name, captures]),
  );
  const names = module.names.map((name) => `[${JSON.stringify(name)}, () => ${name}]`);
  return `
function ${prefix}_m() {
  if (${prefix}_m.record) return ${prefix}_m.record;
  const { Map, Symbol, WeakMap } = globalThis;
  const store = (globalThis[Symbol.for("xdpkit.registry")] ??= { functions: new WeakMap(), modules: new Map() });
  const record = {
    id: ${JSON.stringify(module.id)},
    file: ${JSON.stringify(module.file)},
    source: ${JSON.stringify(module.source)},
    functions: [${rows.join(", ")}],
    names: [${names.join(", ")}],
    keys: [],
    store,
  };
  store.modules.set(record.id, record);
  return (${prefix}_m.record = record);
}
function ${prefix}_f(index, value, thunks, ...names) {
  const module = ${prefix}_m();
  let name = names[0];
  if (typeof name === "symbol") name = name.description === undefined ? "" : "[" + name.description + "]";
  if (names.length > 0) globalThis.Object.defineProperty(value, "name", { value: name, configurable: true });
  module.store.functions.set(value, { module, index, thunks, name });
  return value;
}
function ${prefix}_k(index, key) {
  return (${prefix}_m().keys[index] = typeof key === "symbol" ? key : globalThis.String(key));
}
function ${prefix}_o(owner, members) {
  const module = ${prefix}_m();
  for (const [index, isOnPrototype, given, part, thunks] of members) {
    const key = typeof given === "string" ? given : module.keys[index];
    const holder = isOnPrototype ? owner.prototype : owner;
    const value = part === "" ? owner : globalThis.Object.getOwnPropertyDescriptor(holder, key)?.[part];
    const name = typeof given === "string" ? undefined : globalThis.String(key);
    if (value) module.store.functions.set(value, { module, index, thunks, name });
  }
  return owner;
}
`;
}
