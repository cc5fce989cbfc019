/**
 * What only kernel functions may do. Each such function is declared once, with the facts that the compiler needs; in V8 it
 * goes to the reference runtime that runs the module, and is an error where there is none.
 *
 * Invariant: an intrinsic is recognised by identity (`intrinsicOf`), so re-exports and aliases need no linking.
 */
import { xdpkitError } from "../base/index.ts";

/** What the kernel must have for it. */
export interface IntrinsicFacts {
  /** The kernel's helper, with its `bpf_` prefix. */
  readonly helper?: string;
  /** A kernel function by its BTF name. */
  readonly kfunc?: string;
  /** The oldest kernel, where it is not the helper's own. */
  readonly since?: string;
  /** Whether the kernel gives it only to programs whose license is compatible with the GPL. */
  readonly gplOnly?: boolean;
}

/** A function of the language that the compiler knows by identity. */
export interface Intrinsic extends IntrinsicFacts {
  /** Its name in the language: `ktimeGetNs`, `atomic.add`. */
  readonly name: string;
}

/** Runs kernel functions in V8: what the compiled program is compared with. */
export interface KernelRuntime {
  /** A function of the language is called in JavaScript. */
  call(name: string, values: readonly unknown[]): unknown;
  /** A method of a map, a global, a context or a place. */
  method(receiver: object, name: string, values: readonly unknown[]): unknown;
}

const REGISTRY = Symbol.for("xdpkit.intrinsics");

interface Shared {
  readonly intrinsics: WeakMap<object, Intrinsic>;
  runtime: KernelRuntime | undefined;
}

/** One per process, though several copies of the package may be loaded. */
const shared = ((globalThis as { [REGISTRY]?: Shared })[REGISTRY] ??= {
  intrinsics: new WeakMap(),
  runtime: undefined,
});

/** Declares a function of kernel code. */
export function intrinsic<F extends (...values: never[]) => unknown>(name: string, facts: IntrinsicFacts = {}): F {
  const call = (...values: unknown[]): unknown => runtimeFor(name).call(name, values);
  shared.intrinsics.set(call, { name, ...facts });
  return call as unknown as F;
}

/** What the compiler knows of a function; undefined for any other. */
export const intrinsicOf = (value: object): Intrinsic | undefined => shared.intrinsics.get(value);

/** What a method of a handle does in V8. */
export function kernelMethod<T>(receiver: object, name: string, values: readonly unknown[]): T {
  return runtimeFor(name).method(receiver, name, values) as T;
}

function runtimeFor(name: string): KernelRuntime {
  if (shared.runtime) return shared.runtime;
  throw xdpkitError("LANG_KERNEL_ONLY", { name });
}

/** Runs `body` with kernel functions going to `runtime`. */
export function withKernelRuntime<T>(runtime: KernelRuntime, body: () => T): T {
  const before = shared.runtime;
  shared.runtime = runtime;
  try {
    return body();
  } finally {
    shared.runtime = before;
  }
}
