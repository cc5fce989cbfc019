/**
 * Options and TLVs: lists of typed, sized records behind a header. Each kind of list is a table of rows; types,
 * reading and writing follow from the rows.
 *
 * Invariant: `write(read(bytes))` is `bytes`, whatever they are. What a row does not render exactly stays `unknown`,
 * what cannot be split into records stays `raw`.
 */
import { concatBytes, equalBytes } from "../../base/index.ts";
import { decode, encode, type Schema, struct, u8 } from "../../schema/index.ts";

/** What every record but a single one begins with. */
class Head extends struct({ type: u8, length: u8 }) {}

/** How records of a list are delimited. */
export interface Framing {
  /** Types of one byte, without a length. */
  readonly single: readonly number[];
  /** The type after which nothing counts. */
  readonly terminator?: number;
  /** Bytes of the record, type and length included, from its length byte. */
  readonly total: (length: number) => number;
  /** The length byte from the bytes of the record. */
  readonly length: (total: number) => number;
  /** A record's body is padded with zeros to a multiple of this. */
  readonly unit: number;
}

/** IPv4 and TCP: the length counts type and length too; 0 ends the list, 1 does nothing. */
export const totalLengthFraming: Framing = {
  single: [0, 1],
  terminator: 0,
  total: (length) => length,
  length: (total) => total,
  unit: 1,
};
/** IPv6 options and SRH TLVs: the length counts the body; 0 is one byte of padding. */
export const bodyLengthFraming: Framing = {
  single: [0],
  total: (length) => length + 2,
  length: (total) => total - 2,
  unit: 1,
};
/** Neighbour Discovery: the length counts units of 8 bytes. */
export const wordLengthFraming: Framing = {
  single: [],
  total: (length) => length * 8,
  length: (total) => total / 8,
  unit: 8,
};

/** One kind of option: its type number, and its body as fields. */
export interface Row<F> {
  readonly type: number;
  /** Null when the body is none of this kind. */
  read(body: Uint8Array): F | null;
  write(fields: F): Uint8Array;
}

/** Fields of fixed layout. */
export function row<F extends Record<string, Schema<unknown>>>(type: number, fields: F): Row<FieldsOf<F>> {
  const Class = struct(fields);
  return {
    type,
    read: (body) => (body.length === Class.size ? ({ ...decode(Class, body) } as FieldsOf<F>) : null),
    write: (values) => encode(Class, only(Class, fields, values)),
  };
}

/** Fields of fixed layout, and the rest of the body as octets. */
export function rowWithOctets<F extends Record<string, Schema<unknown>>, N extends string>(
  type: number,
  fields: F,
  rest: N,
): Row<FieldsOf<F> & Record<N, Uint8Array>> {
  type Values = FieldsOf<F> & Record<N, Uint8Array>;
  const Class = struct(fields);
  return {
    type,
    read(body) {
      if (body.length < Class.size) return null;
      return { ...decode(Class, body), [rest]: body.slice(Class.size) } as unknown as Values;
    },
    write: (values) => concatBytes(encode(Class, only(Class, fields, values)), values[rest] ?? new Uint8Array(0)),
  };
}

/** Fields of fixed layout, and elements as many as fit. */
export function rowWithList<F extends Record<string, Schema<unknown>>, N extends string, T>(
  type: number,
  fields: F,
  rest: N,
  element: Schema<T>,
): Row<FieldsOf<F> & Record<N, readonly T[]>> {
  type Values = FieldsOf<F> & Record<N, readonly T[]>;
  const Class = struct(fields);
  return {
    type,
    read(body) {
      const count = (body.length - Class.size) / element.size;
      if (!Number.isInteger(count) || count < 0) return null;
      const list = Array.from({ length: count }, (_, i) => decode(element, body, Class.size + i * element.size));
      return { ...decode(Class, body), [rest]: list } as unknown as Values;
    },
    write(values) {
      const list = ((values[rest] ?? []) as readonly T[]).map((item) => encode(element, item));
      return concatBytes(encode(Class, only(Class, fields, values)), ...list);
    },
  };
}

type FieldsOf<F> = { -readonly [K in keyof F]: F[K] extends Schema<infer T> ? T : never };

/** An instance from those values that are fields of the struct; left-out fields become zero. */
function only<T>(Class: new (fields?: Partial<T>) => T, fields: object, values: object): T {
  return new Class(Object.fromEntries(Object.entries(values).filter(([name]) => name in fields)) as Partial<T>);
}

/** A record of a type, or with a body, that the table has no row for. */
export interface UnknownOption {
  readonly kind: "unknown";
  readonly type: number;
  readonly body: Uint8Array;
}
/** Bytes that are no records: behind the end of the list, or malformed. */
export interface RawOptions {
  readonly kind: "raw";
  readonly bytes: Uint8Array;
}

type Rows = Readonly<Record<string, Row<object>>>;
/** The union of a table's options, told apart by `kind`. */
export type OptionOf<R> =
  | { [K in keyof R & string]: R[K] extends Row<infer F> ? { readonly kind: K } & Readonly<F> : never }[keyof R &
      string]
  | UnknownOption
  | RawOptions;
/** The same, to be written: fields left out are zero or empty. */
export type OptionInputOf<R> =
  | {
      [K in keyof R & string]: R[K] extends Row<infer F> ? { readonly kind: K } & Partial<Readonly<F>> : never;
    }[keyof R & string]
  | UnknownOption
  | RawOptions;

export interface OptionTable<O, I> {
  /** Every option in order. The list is malformed when its last element is `raw` with bytes that are not all zero. */
  read(bytes: Uint8Array): readonly O[];
  /** The options one after the other, without padding at the end. Throws SCHEMA_RANGE for a body that is too long. */
  write(options: readonly I[]): Uint8Array;
}

/** Makes the reader and writer of a list from its rows. */
export function optionTable<R extends Rows>(framing: Framing, rows: R): OptionTable<OptionOf<R>, OptionInputOf<R>> {
  const byType = new Map(Object.entries(rows).map(([kind, one]) => [one.type, { kind, row: one as Row<object> }]));
  const writeOne = (option: Loose): Uint8Array => {
    if (option.kind === "raw") return option["bytes"] as Uint8Array;
    if (option.kind === "unknown") return frame(framing, option["type"] as number, option["body"] as Uint8Array);
    const one = rows[option.kind] as Row<object>;
    return frame(framing, one.type, one.write(option));
  };
  const readOne = (record: Uint8Array): Loose => {
    const type = record[0] as number;
    const body = record.subarray(framing.single.includes(type) ? 1 : 2);
    const known = byType.get(type);
    const fields = known?.row.read(body);
    const option = known && fields ? { kind: known.kind, ...fields } : null;
    if (option && equalBytes(writeOne(option), record)) return option;
    return { kind: "unknown", type, body: body.slice() };
  };
  return {
    read: (bytes) => split(framing, bytes, readOne) as unknown as readonly OptionOf<R>[],
    write: (options) => concatBytes(...options.map((option) => writeOne(option as Loose))),
  };
}

type Loose = { readonly kind: string; readonly [field: string]: unknown };

function frame(framing: Framing, type: number, body: Uint8Array): Uint8Array {
  if (framing.single.includes(type)) return Uint8Array.of(type);
  const total = Math.ceil((body.length + 2) / framing.unit) * framing.unit;
  const record = new Uint8Array(total);
  record.set(encode(Head, new Head({ type, length: framing.length(total) })));
  record.set(body, 2);
  return record;
}

function split(framing: Framing, bytes: Uint8Array, readOne: (record: Uint8Array) => Loose): Loose[] {
  const options: Loose[] = [];
  let at = 0;
  while (at < bytes.length) {
    const total = recordLength(framing, bytes, at);
    if (bytes[at] === framing.terminator || total === null)
      return [...options, { kind: "raw", bytes: bytes.slice(at) }];
    options.push(readOne(bytes.subarray(at, at + total)));
    at += total;
  }
  return options;
}

/** Bytes of the record at `at`; null when it does not fit, or when its length cannot be. */
function recordLength(framing: Framing, bytes: Uint8Array, at: number): number | null {
  if (framing.single.includes(bytes[at] as number)) return 1;
  const length = bytes[at + 1];
  if (length === undefined) return null;
  const total = framing.total(length);
  return total >= 2 && at + total <= bytes.length ? total : null;
}

/** True when a list that was read is malformed: it ends in bytes that are neither records nor zero. */
export function isMalformed(options: readonly { readonly kind: string }[], terminator?: number): boolean {
  const last = options.at(-1) as RawOptions | undefined;
  if (last?.kind !== "raw") return false;
  return terminator === undefined || last.bytes[0] !== terminator;
}
