/** Which store belongs to a handle. Handles are told apart by what they hold: several copies of the package may be loaded. */
import type { MapDeclaration, MapHandle, XdpProgram } from "../../../src/lang/index.ts";
import type { ReferenceContext } from "./context.ts";
import { arrayStore, hashStore, prefixStore, type Store } from "./keyed-maps.ts";
import {
  bloomStore,
  outcomeStore,
  outerStore,
  perfStore,
  programStore,
  queueStore,
  ringStore,
  targetStore,
  userRingStore,
  variableStore,
} from "./other-stores.ts";
import type { AnySchema } from "./places.ts";

/** Everything that a handle may hold. */
interface HandleParts {
  readonly declaration?: MapDeclaration;
  readonly record?: AnySchema;
  readonly programs?: () => Readonly<Record<number, XdpProgram>>;
  readonly names?: readonly string[];
  readonly schema?: AnySchema;
  readonly initial?: unknown;
}

export interface StoreEvents {
  redirected(map: MapHandle, slot: number | "all"): void;
  tailCall(program: XdpProgram, ctx: ReferenceContext): void;
}

/** An empty store; `initial` is what a variable holds instead of its own initial value. */
export function makeStore(handle: object, events: StoreEvents, initial?: { readonly value: unknown }): Store {
  const { declaration, names, schema, initial: own, ...parts } = handle as HandleParts;
  if (declaration) return mapStore(handle as MapHandle, declaration, parts, events);
  if (names) return outcomeStore(names);
  if (!schema) throw new TypeError("neither a map, a variable nor outcomes");
  return variableStore(schema, initial ? initial.value : own, "with" in handle);
}

function mapStore(handle: MapHandle, declaration: MapDeclaration, parts: HandleParts, events: StoreEvents): Store {
  const { record, programs } = parts;
  switch (declaration.type) {
    case "HASH":
    case "LRU_HASH":
    case "PERCPU_HASH":
    case "LRU_PERCPU_HASH":
      return hashStore(declaration);
    case "ARRAY":
    case "PERCPU_ARRAY":
      return arrayStore(declaration);
    case "LPM_TRIE":
      return prefixStore(declaration);
    case "QUEUE":
    case "STACK":
      return queueStore(declaration);
    case "BLOOM_FILTER":
      return bloomStore(declaration);
    case "RINGBUF":
      return ringStore(record!, declaration);
    case "PERF_EVENT_ARRAY":
      return perfStore(record!);
    case "USER_RINGBUF":
      return userRingStore(record!);
    case "DEVMAP":
    case "DEVMAP_HASH":
    case "CPUMAP":
    case "XSKMAP":
      return targetStore(declaration, (slot) => events.redirected(handle, slot));
    case "PROG_ARRAY":
      return programStore(programs!, (program, ctx) => events.tailCall(program, ctx));
    case "ARRAY_OF_MAPS":
    case "HASH_OF_MAPS":
      return outerStore(declaration);
    default:
      throw new Error(`the reference has no map of type ${declaration.type}`);
  }
}
