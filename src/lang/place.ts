/**
 * Values and places. A value (number, bigint, boolean, address) is copied when it is read; a place (struct, array, bytes,
 * Cell) is a name for memory. Design, section 4.
 */
import type { SpinLock, StructSchema } from "../schema/index.ts";
import { intrinsic } from "./intrinsic.ts";

/** A place that holds one value: so that null and 0 cannot be confused. */
export interface Cell<T> {
  /** Reads and writes it. */
  value: T;
}

/** The place of a struct, array or bytes is itself; of anything else a Cell. */
export type Place<T> = [T] extends [number | bigint | boolean | string] ? Cell<T> : T;

/** True when both places hold the same bytes. */
export const equals: <T extends object>(a: T, b: T) => boolean = intrinsic("equals");

/** A copy on the stack (512 bytes in all). It survives `ctx.adjustHead` and later writes to the original. */
export const copyOf: <T extends object>(place: T) => T = intrinsic("copyOf");

/** Overwrites the whole place. */
export const assign: <T extends object>(place: T, value: T) => void = intrinsic("assign");

/** Another struct over the same bytes: a union. It must not be larger than the place. */
export const overlay: <T extends object>(schema: StructSchema<T>, place: object) => T = intrinsic("overlay");

/** Names of fields that hold numbers. */
type IntegerField<P> = { [K in keyof P]: P[K] extends number | bigint ? K : never }[keyof P] & string;

interface Atomic {
  /** XADD. The kernel needs u32, u64, i32 or i64. */
  add<P extends object, K extends IntegerField<P>>(place: P, field: K, value: P[K]): void;
  /** Returns the old value. Kernel 5.12, as every operation below but `load` and `store`. */
  fetchAdd<P extends object, K extends IntegerField<P>>(place: P, field: K, value: P[K]): P[K];
  or<P extends object, K extends IntegerField<P>>(place: P, field: K, value: P[K]): void;
  and<P extends object, K extends IntegerField<P>>(place: P, field: K, value: P[K]): void;
  xor<P extends object, K extends IntegerField<P>>(place: P, field: K, value: P[K]): void;
  exchange<P extends object, K extends IntegerField<P>>(place: P, field: K, value: P[K]): P[K];
  /** Returns the old value; it was replaced when that equals `expected`. */
  compareExchange<P extends object, K extends IntegerField<P>>(
    place: P,
    field: K,
    expected: P[K],
    replacement: P[K],
  ): P[K];
  load<P extends object, K extends IntegerField<P>>(place: P, field: K): P[K];
  store<P extends object, K extends IntegerField<P>>(place: P, field: K, value: P[K]): void;
}

/** Atomic operations on a field of a shared map value or global, like `Atomics` on a typed array. */
export const atomic: Atomic = {
  add: intrinsic("atomic.add"),
  fetchAdd: intrinsic("atomic.fetchAdd", { since: "5.12" }),
  or: intrinsic("atomic.or", { since: "5.12" }),
  and: intrinsic("atomic.and", { since: "5.12" }),
  xor: intrinsic("atomic.xor", { since: "5.12" }),
  exchange: intrinsic("atomic.exchange", { since: "5.12" }),
  compareExchange: intrinsic("atomic.compareExchange", { since: "5.12" }),
  load: intrinsic("atomic.load"),
  store: intrinsic("atomic.store"),
};

/** Holds the lock while `body` runs; its result is the result. No calls to helpers or subprograms inside. Kernel 5.1. */
export const withLock: <T>(lock: SpinLock, body: () => T) => T = intrinsic("withLock", { helper: "bpf_spin_lock" });
