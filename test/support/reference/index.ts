/**
 * The reference: runs the kernel function of a `*.xdp.ts` program in V8, over bytes, with the meaning that design
 * section 4 gives to the language. What a compiled program does is compared with it.
 *
 * One CPU, no fragments, frames of one page. Details: rewrite.ts (operators), places.ts (memory), packet.ts (limits),
 * checksums.ts (hashes and sums), keyed-maps.ts.
 */
import {
  type Binding,
  type EventSource,
  type FibLookup,
  type FibOptions,
  FibResult,
  type FibRoute4,
  type FibRoute6,
  type KernelRuntime,
  type MapHandle,
  type Shared,
  withKernelRuntime,
} from "../../../src/lang/index.ts";
import { ReferenceContext } from "./context.ts";
import { rewritten } from "./functions.ts";
import { Exit, intrinsics } from "./intrinsics.ts";
import type { Store } from "./keyed-maps.ts";
import type { RecordAccess } from "./other-stores.ts";
import { makeStore } from "./stores.ts";

/** What `xdp()`, `devMapProgram()` and `cpuMapProgram()` return. */
export interface ReferenceProgram {
  readonly body: (ctx: never) => number;
}

export interface ReferenceOptions {
  /** Content of maps, besides what their handles declare: `[[sids, [["fc00::1", { behaviour: 1, packets: 0n }]]]]`. */
  readonly maps?: Iterable<readonly [handle: object, entries: Iterable<readonly [key: unknown, value: unknown]>]>;
  /** Values of settings: `[mtu.with(9000)]`. */
  readonly settings?: readonly Binding[];
  /** Answers `fibLookup`; without it there is no route. */
  readonly fib?: (route: FibRoute4 | FibRoute6, options: FibOptions) => FibLookup;
  /** MTU of an interface, bytes, for `checkMtu`; 1500 when left out. */
  readonly mtu?: (interfaceIndex: number) => number | undefined;
}

export interface RunOptions {
  /** 1 when left out. */
  readonly ingressInterface?: number;
  readonly rxQueue?: number;
  readonly egressInterface?: number;
  /** Nanoseconds that every clock shows. */
  readonly now?: bigint;
  /** What getPrandomU32 gives next; 0 when left out. */
  readonly random?: () => number;
}

export interface ReferenceResult {
  readonly action: number;
  readonly packet: Uint8Array;
  /** What lies in front of the packet for tc and AF_XDP. */
  readonly metadata: Uint8Array;
  /** Where the last redirect helper said: an interface, or a slot of a map. */
  readonly redirect?: { readonly interfaceIndex: number } | { readonly map: MapHandle; readonly slot: number | "all" };
  /** What `trace` wrote in this run. */
  readonly traces: readonly string[];
}

/** Maps keep their content from run to run. */
export interface ReferenceMachine {
  /** What user space may do with a handle; of ring buffers and perf events, their records. */
  map<T>(handle: Shared<EventSource<T>>): RecordAccess<T>;
  map<A>(handle: Shared<A>): A;
  /** Throws what the program throws: a TypeError or RangeError is a program that the language refuses. */
  run(packet: Uint8Array, options?: RunOptions): ReferenceResult;
}

const MAX_TAIL_CALLS = 33;
const NO_ROUTE: FibLookup = { found: false, result: FibResult.NotForwarded, mtu: 0 };

class Machine implements ReferenceMachine, KernelRuntime {
  readonly #program: ReferenceProgram;
  readonly #options: ReferenceOptions;
  readonly #stores = new Map<object, Store>();
  #intrinsics: ReturnType<typeof intrinsics> = {};
  #redirect: ReferenceResult["redirect"];
  #tailCalls = 0;

  constructor(program: ReferenceProgram, options: ReferenceOptions) {
    this.#program = program;
    this.#options = options;
    for (const [handle, entries] of options.maps ?? []) this.#fill(this.#store(handle), entries);
  }

  map<A>(handle: Shared<A>): A {
    return this.#store(handle).access as A;
  }

  run(packet: Uint8Array, options: RunOptions = {}): ReferenceResult {
    const traces: string[] = [];
    const { ingressInterface = 1, rxQueue = 0, egressInterface = 0, now = 0n, random = () => 0 } = options;
    const ctx = new ReferenceContext(packet, { ingressInterface, rxQueue, egressInterface });
    this.#redirect = undefined;
    this.#tailCalls = 0;
    this.#intrinsics = intrinsics({
      now: BigInt.asUintN(64, now),
      random,
      fib: this.#options.fib ?? (() => NO_ROUTE),
      mtu: this.#options.mtu ?? (() => 1500),
      trace: (text) => void traces.push(text),
      redirected: (interfaceIndex) => void (this.#redirect = { interfaceIndex }),
    });
    const action = withKernelRuntime(this, () => this.#enter(this.#program, ctx));
    const { memory } = ctx;
    const redirect = this.#redirect;
    return {
      action,
      packet: memory.copy(),
      metadata: memory.copyMetadata(),
      traces,
      ...(redirect ? { redirect } : {}),
    };
  }

  #enter(program: ReferenceProgram, ctx: ReferenceContext): number {
    try {
      return rewritten(program.body)(ctx as never) as number;
    } catch (thrown) {
      if (thrown instanceof Exit) return thrown.action;
      throw thrown;
    }
  }

  call(name: string, values: readonly unknown[]): unknown {
    const intrinsic = this.#intrinsics[name];
    if (!intrinsic) throw new Error(`the reference has no ${name}`);
    return intrinsic(...(values as never[]));
  }

  method(receiver: object, name: string, values: readonly unknown[]): unknown {
    const method = this.#store(receiver).kernel[name];
    if (!method) throw new Error(`the reference has no method ${name} of this handle`);
    return method(...(values as never[]));
  }

  /** Made at first use, with the entries that the handle declares. */
  #store(handle: object): Store {
    let store = this.#stores.get(handle);
    if (store) return store;
    const binding = this.#options.settings?.find(({ setting }) => (setting as object) === handle);
    store = makeStore(handle, this.#events, binding);
    this.#stores.set(handle, store);
    this.#fill(store, (handle as Partial<MapHandle>).declaration?.entries?.() ?? []);
    return store;
  }

  #fill({ access }: Store, entries: Iterable<readonly [unknown, unknown]>): void {
    const { set } = access as { set?: (key: unknown, value: unknown) => void };
    for (const [key, value] of entries) set?.(key, value);
  }

  readonly #events = {
    redirected: (map: MapHandle, slot: number | "all"): void => void (this.#redirect = { map, slot }),
    tailCall: (program: ReferenceProgram, ctx: ReferenceContext): void => {
      if (this.#tailCalls++ < MAX_TAIL_CALLS) throw new Exit(this.#enter(program, ctx));
    },
  };
}

/** A machine with empty maps around one program. */
export function createReference(program: ReferenceProgram, options: ReferenceOptions = {}): ReferenceMachine {
  return new Machine(program, options);
}
