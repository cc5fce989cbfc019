/**
 * The types of schemas, as tsc sees them: what a layout's values are in TypeScript.
 *
 * Invariant: nothing here exists at run time. `Scalar<T>` carries T in a property that no object has, so that
 * `struct({...})` infers the fields of a class from its schemas.
 */

declare const kind: unique symbol;
declare const type: unique symbol;

interface Kind<Name extends string> {
  readonly [kind]?: Name | undefined;
}

/** 48-bit address: text such as `"02:00:00:00:00:01"` in user space, six bytes in memory. */
export type MacAddress = string & Kind<"mac">;
/** 32-bit address: text such as `"192.0.2.1"` in user space, four bytes in memory. */
export type Ipv4Address = string & Kind<"ipv4">;
/** 128-bit address: RFC 5952 text in user space, sixteen bytes in memory. */
export type Ipv6Address = string & Kind<"ipv6">;

/** A scalar layout. `T` is the type of the value that TypeScript sees. */
export interface Scalar<T> {
  /** Bytes; a fraction for `bits(n)` and `flag`. */
  readonly size: number;
  readonly [type]: T;
}

/** A struct layout: any class that extends `struct({...})`. */
export interface StructSchema<T> {
  new (...fields: never[]): T;
  /** Bytes, padding included. */
  readonly size: number;
}

/** What describes memory: a scalar, an array, bytes, or a struct class. */
export type Schema<T> = Scalar<T> | StructSchema<T>;

/** The type of the values that a schema describes. */
export type TypeOf<S> = S extends StructSchema<infer T> ? T : S extends Scalar<infer T> ? T : never;

/** An integer of at most 32 bits; also the cast that wraps into its range. */
export interface IntegerSchema extends Scalar<number> {
  /** Wraps into the range. An IPv4 address gives its number. Throws SCHEMA_TYPE for fractions and other text. */
  (value: number | bigint | boolean | Ipv4Address): number;
}

/** An integer of 64 bits; also the cast that wraps into its range. */
export interface WideSchema extends Scalar<bigint> {
  /** Wraps into the range. A MAC address gives its number. Throws SCHEMA_TYPE for fractions and other text. */
  (value: number | bigint | MacAddress): bigint;
}

/** An address; also the cast from text, from a number (its bytes in network order), or from the same bytes. */
export interface AddressSchema<T> extends Scalar<T> {
  /** Throws SCHEMA_ADDRESS, SCHEMA_RANGE or SCHEMA_SIZE when the value is no such address. */
  (value: string | number | bigint | object): T;
}

/** Octets that are copied and compared as one; use `array(u8, n)` to reach single ones. A Uint8Array in user space. */
export interface Bytes {
  /** Bytes. */
  readonly length: number;
  [index: number]: number;
}

type BuildTuple<T, N extends number, R extends T[]> = R["length"] extends N
  ? R
  : R["length"] extends 64
    ? T[]
    : BuildTuple<T, N, [...R, T]>;
/** A tuple up to 64 elements when the length is a literal (tsc then checks constant indices), else `T[]`. */
export type FixedArray<T, N extends number> = number extends N ? T[] : BuildTuple<T, N, []>;

/** `bpf_spin_lock`: opaque to user space. */
export interface SpinLock {
  readonly [kind]: "spinLock";
}

/** Values of the fields of a struct class. */
export type Fields<F> = { -readonly [K in keyof F]: TypeOf<F[K]> };

/** What `struct({...})` returns: the base of a struct class. */
export interface Struct<T> {
  /**
   * A value: on the BPF stack in a kernel function, an object with its fields as own properties in user space.
   * Fields left out are zero. Throws SCHEMA_UNKNOWN_FIELD.
   */
  new (fields?: Partial<T>): T;
  /** Bytes, padding included. */
  readonly size: number;
  /** Bytes from the start of the struct; of a bit field, the byte that holds its first bit. */
  offsetOf(field: keyof T): number;
  /**
   * The same bytes read as this struct: `GtpSid.from(ipv6.destination)`. A bigint is eight bytes in host order.
   * Throws SCHEMA_SIZE unless the sizes are equal.
   */
  from<V>(this: StructSchema<V>, value: MacAddress | Ipv4Address | Ipv6Address | Bytes | bigint): V;
}
