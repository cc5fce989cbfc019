/** Variables of the object: `global` in `.data` or `.bss`, `setting` in `.rodata`. */
import { bool, type Schema, zero } from "../schema/index.ts";
import { ACCESS, type CellAccess, type Shared } from "./access.ts";
import { kernelMethod } from "./intrinsic.ts";
import { kernelName } from "./names.ts";

declare const kind: unique symbol;

/** What is decided about a setting when the object is loaded. */
export interface Binding {
  readonly [kind]: "binding";
  /** Which setting. */
  readonly setting: Setting<unknown>;
  /** What it is set to. */
  readonly value: unknown;
}

class Variable<T> {
  readonly schema: Schema<T>;
  /** In user-space form. */
  readonly initial: T;
  readonly #name: string | undefined;

  constructor(schema: Schema<T>, initial: T, name?: string) {
    this.schema = schema;
    this.initial = initial;
    this.#name = name;
  }

  /** The name of the constant that holds the variable. */
  get name(): string {
    return kernelName(this, this.#name);
  }
}

/** Kernel functions read and write `.value`, user space too. */
export class Global<T> extends Variable<T> implements Shared<CellAccess<T>> {
  declare readonly [ACCESS]: CellAccess<T>;

  /** Reads and writes it; programs on other processors see the write at some time. */
  get value(): T {
    return kernelMethod(this, "get", []);
  }
  set value(value: T) {
    kernelMethod(this, "set", [value]);
  }
}

/** A constant that is fixed when the object is loaded: the verifier prunes what it switches off. */
export class Setting<T> extends Variable<T> {
  /** Constant when the program is loaded: the verifier follows only the branches that it takes. */
  get value(): T {
    return kernelMethod(this, "get", []);
  }

  /** For `load(program, { settings: [mtu.with(9000)] })`. */
  with(value: T): Binding {
    return { setting: this as Setting<unknown>, value } as Binding;
  }
}

/** A variable of the object, zero unless `initial` says otherwise. */
export function global<T>(schema: Schema<T>, initial: T = zero(schema)): Global<T> {
  return new Global(schema, initial);
}

/** Whether `trace` writes anything: `settings: [tracing.with(true)]`. While it is off, the verifier leaves the code out. */
export const tracing: Setting<boolean> = new Setting(bool, false, "tracing");

/**
 * A constant that is set when the program is loaded, not when it is compiled: in `.rodata`. `initial` is its value
 * unless another is given.
 */
export function setting<T>(schema: Schema<T>, initial: T): Setting<T> {
  return new Setting(schema, initial);
}
