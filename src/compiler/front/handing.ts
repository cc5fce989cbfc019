/**
 * Values of a function that a callback of it uses: the registers that they are made of go through memory, one word of eight
 * bytes each. Stack values go to their slots, and the callback gets their addresses.
 *
 * Invariant: a value is taken apart and put together in the same order.
 */
import type { ValueId, ValueType } from "../ir/ir.ts";
import type { Front } from "./front.ts";
import { overwriteOf } from "./memory.ts";
import { leadOf, storeObject } from "./objects.ts";
import { NOWHERE } from "./state.ts";
import { OTHER_STACK, seenInside } from "./subprograms.ts";
import type { PlaceValue, Value } from "./value.ts";
import type { At } from "./words.ts";

/** A register of a value. */
export interface Part {
  /** Equal for parts that hold the same. */
  readonly key: string;
  readonly type: ValueType;
  /** Bits that may be set; undefined when all may. */
  readonly bits?: number;
  /** The memory of the stack that it leads to, and how many bytes of it. */
  readonly stack?: { readonly at: At; readonly size: number };
  /** The register in the function that hands it over. */
  make(): ValueId;
}

type Take = (one: Part) => ValueId;

/** The place of a packet that has moved, or will have when the callback is called again. */
const DEAD = -1;

/** The value with other registers; undefined when the callback cannot have it. `isMoving`: the callback moves the packet. */
export function withParts(front: Front, given: Value, isMoving: boolean, take: Take): Value | undefined {
  const value = front.settle(given);
  const scalar = (id: ValueId, bits?: number): ValueId =>
    take({ key: `v${id}`, type: "scalar", make: () => id, ...(bits === undefined ? {} : { bits }) });
  const either = (id: ValueId): ValueId => take({ key: `v${id}`, type: front.builder.typeOf(id), make: () => id });
  switch (value.kind) {
    case "staged":
    case "closure":
      return value;
    case "context":
    case "cursor":
      take({ key: CONTEXT, type: "pointer", make: () => front.context });
      return value;
    case "number":
      return { ...value, range: front.rangeOf(value), id: scalar(value.id) };
    case "bigint":
      return { ...value, id: scalar(value.id) };
    case "boolean":
      return { ...value, id: scalar(value.id, value.isBit ? 1 : undefined) };
    case "address":
      return { ...value, words: value.words.map(({ id, size }) => ({ size, id: scalar(id, 8 * size) })) };
    case "place":
      return place(front, value, isMoving, take);
    case "nullable": {
      const inner = withParts(front, value.value, isMoving, take);
      return inner && { ...value, value: inner, present: either(value.present) };
    }
    case "record":
      return record(front, value, isMoving, take);
    case "innerMap":
      return { ...value, id: either(value.id) };
    // Given back by the function that got it, or made where it is used.
    case "connection":
    case "quotient":
      return undefined;
  }
}

/** The part that is the context of the program. */
export const CONTEXT = "context";

function place(front: Front, value: PlaceValue, isMoving: boolean, take: Take): Value | undefined {
  const { at, layout } = value;
  if (overwriteOf(front, value)) return undefined;
  if (at.kind === "object") {
    const { object } = at;
    const make = (): ValueId => front.stackAddress(storeObject(front, object));
    const stack = { at: { kind: "object", object, offset: 0 } as const, size: front.objectSizes.get(object)! };
    const base = take({ key: `object ${object}`, type: "pointer", make, stack });
    const offset = leadOf(front, object) + at.offset;
    return { ...value, at: { kind: "memory", base, offset, region: OTHER_STACK, align: 8 }, stamp: -1 };
  }
  const { region } = at;
  if (region.kind === "record") return undefined;
  if (region.kind === "packet" || region.kind === "metadata") {
    const isDead = isMoving || region.generation !== front.state.packet.generation;
    if (isDead) return { ...value, at: { ...at, base: DEAD, region: { ...region, generation: DEAD } } };
    // A variable index is compared with the packet's end.
    if (front.context !== NOWHERE) take({ key: CONTEXT, type: "pointer", make: () => front.context });
  }
  const stack = region.kind === "stack" ? { stack: { at, size: layout.size } } : {};
  const base = take({ key: `v${at.base}`, type: "pointer", make: () => at.base, ...stack });
  return { ...value, at: { ...at, base, region: seenInside(region) }, stamp: -1 };
}

function record(
  front: Front,
  value: Extract<Value, { kind: "record" }>,
  isMoving: boolean,
  take: Take,
): Value | undefined {
  const fields = new Map<string, Value>();
  for (const [name, field] of value.fields) {
    const inner = withParts(front, field, isMoving, take);
    if (!inner) return undefined;
    fields.set(name, inner);
  }
  return { ...value, fields };
}

/** Whether a value can be written back: it leads to no memory. */
export function isPlain(value: Value): boolean {
  switch (value.kind) {
    case "number":
    case "bigint":
    case "boolean":
    case "address":
      return true;
    case "nullable":
      return isPlain(value.value);
    default:
      return false;
  }
}
