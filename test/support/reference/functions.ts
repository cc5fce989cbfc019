/**
 * Kernel functions in V8: each is rewritten (rewrite.ts) and evaluated with its captured values as parameters, when it
 * is called first. What has no description, such as `Math.min`, runs as it is.
 *
 * Invariant: the functions hold no state of a machine. Maps, contexts and helpers go to the runtime that is in force.
 */
import { describeFunction, type FunctionDescription } from "../../../src/lang/index.ts";
import { isSchema, layoutOf, parseAddress, u64 } from "../../../src/schema/index.ts";
import { addressText, toBigInt } from "./memory.ts";
import { isTrue, OPERATORS, type Operator, plain, Signed } from "./operators.ts";
import { bytesOf, isStructClass, locationOf, placeBytes, stackPlace } from "./places.ts";
import { RUNTIME, rewriteSpan } from "./rewrite.ts";

type Callable = (...values: never[]) => unknown;
type Members = Record<PropertyKey, unknown>;

const known = new WeakMap<object, Callable>();

/** The function as the language means it; the same one when it is not of a kernel module. */
export function rewritten(fn: Callable): Callable {
  const found = known.get(fn);
  if (found) return found;
  const description = describeFunction(fn);
  if (!description || description.kind === "constructor") return fn;
  const made = evaluate(description);
  known.set(fn, made);
  return made;
}

function evaluate({ module, start, end, kind, captures }: FunctionDescription): Callable {
  const text = rewriteSpan(module.source, module.file, start, end);
  const isMember = kind === "method" || kind === "getter" || kind === "setter";
  const body = `"use strict"; return (${isMember ? `{ ${text.replace(/^static\s/, "")} }` : text});`;
  const make = new Function(RUNTIME, ...captures.keys(), body);
  const made = make(runtime, ...[...captures.values()].map((thunk) => asPlace(valueNow(thunk)))) as Callable;
  return isMember ? onlyMember(made) : made;
}

function valueNow(thunk: () => unknown): unknown {
  try {
    return thunk();
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

/** A struct that the module has made reads as one of kernel code: its i64 fields are Signed. */
function asPlace(value: unknown): unknown {
  const schema = typeof value === "object" && value !== null ? value.constructor : undefined;
  return isStructClass(schema) ? stackPlace(schema, bytesOf(schema, value)) : value;
}

function onlyMember(holder: object): Callable {
  const [descriptor] = Object.values(Object.getOwnPropertyDescriptors(holder));
  return (descriptor?.get ?? descriptor?.set ?? descriptor?.value) as Callable;
}

function apply(fn: Callable, self: unknown, values: readonly unknown[]): unknown {
  if (isSchema(fn)) return cast(fn as unknown as (value: unknown) => unknown, values[0]);
  if ((fn as unknown) === BigInt) return toWide(values[0]);
  if ((fn as unknown) === Number) return Number(plain(values[0]));
  const code = rewritten(fn);
  if (code !== fn) return Reflect.apply(code, self, values);
  if (isStructClass(self) && fn.name === "from") return stackPlace(self, rawBytes(values[0]));
  return Reflect.apply(fn, self, values.map(forNative));
}

/** Functions that the host calls, such as the body of `map`, are kernel code too. */
const forNative = (value: unknown): unknown => (typeof value === "function" ? rewritten(value as Callable) : value);

const toWide = (value: unknown): unknown => (value instanceof Signed ? value : toBigInt(value));

/** A cast by a scalar: `u8(x)`, `i64(x)`, `ipv6Address(place)`. */
function cast(schema: (value: unknown) => unknown, value: unknown): unknown {
  if (!isSchema(schema)) throw new TypeError("not a cast");
  const layout = layoutOf(schema);
  if (locationOf(value)) return addressText(placeBytes(value));
  const result = schema(plain(value));
  return layout.kind === "integer" && layout.size === 8 && layout.signed ? new Signed(result as bigint) : result;
}

/** What `S.from` reads: an address, a place, or a bigint as eight bytes in host order. */
function rawBytes(value: unknown): Uint8Array {
  if (locationOf(value)) return placeBytes(value);
  if (value instanceof Uint8Array) return value.slice();
  if (typeof value !== "string") return bytesOf(u64, value);
  return parseAddress(
    value.includes(".") && !value.includes(":")
      ? "ipv4"
      : value.length === 17 && /^(..:){5}..$/.test(value)
        ? "mac"
        : "ipv6",
    value,
  );
}

function construct(fn: new (...values: unknown[]) => object, values: readonly unknown[]): object {
  if (!isStructClass(fn)) return Reflect.construct(fn, values);
  return stackPlace(fn, bytesOf(fn, values[0] ?? {}));
}

const step = (value: unknown, by: number): unknown =>
  by > 0 ? OPERATORS["+"](value, unit(value)) : OPERATORS["-"](value, unit(value));

const unit = (value: unknown): unknown => (typeof value === "number" ? 1 : 1n);

/** What rewritten text calls. */
export const runtime = {
  ...OPERATORS,
  plain,
  truthy: isTrue,
  construct,
  step,
  call: (fn: Callable, values: readonly unknown[]): unknown => apply(fn, undefined, values),
  invoke: (self: Members, key: PropertyKey, values: readonly unknown[]): unknown =>
    apply(self[key] as Callable, self, values),
  first: (value: unknown, _assigned: unknown): unknown => value,
  stepMember(object: Members, key: PropertyKey, by: number, isPrefix: boolean): unknown {
    const before = object[key];
    object[key] = step(before, by);
    return isPrefix ? object[key] : before;
  },
  updateMember(object: Members, key: PropertyKey, operator: Operator, value: () => unknown): unknown {
    const before = object[key];
    const operation = OPERATORS[operator] as (a: unknown, b: unknown) => unknown;
    const result = operation(before, value());
    object[key] = result;
    return result;
  },
};
