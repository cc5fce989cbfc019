/**
 * Loads that give what an earlier load gave: nothing has been written there since.
 *
 * Memory is told apart by what the address begins with: a stack slot, the packet, a map value, global data, the context.
 * Invariant: what a call may change is forgotten; helpers that are not known to leave the packet alone change everything.
 */

import { helperByName } from "../../uapi/index.ts";
import { replaceValues, reversePostorder } from "../ir/cfg.ts";
import { type IrFunction, mapOperands, type Operation, type ValueId } from "../ir/ir.ts";
import { definitionsOf } from "./known-bits.ts";

interface Known {
  readonly value: ValueId;
  readonly memory: string;
  readonly base: ValueId;
  readonly start: number;
  readonly end: number;
}

type Available = Map<string, Known>;

export function numberLoads(ir: IrFunction): IrFunction {
  const memory = new Memory(ir);
  const order = reversePostorder(ir.blocks);
  const ends: (Available | undefined)[] = [];
  const replaced = new Map<ValueId, ValueId>();
  const resolve = (value: ValueId): ValueId => replaced.get(value) ?? value;
  for (const id of order) {
    const block = ir.blocks[id]!;
    const known = startOf(block.predecessors.map((one) => ends[one]));
    for (const one of block.instructions) {
      const operation = mapOperands(one.operation, resolve);
      if (operation.kind === "load") {
        const { base, offset } = memory.address(operation.base, operation.offset);
        const key = `${base} ${offset} ${operation.size}${operation.signed ? "s" : ""}`;
        const earlier = known.get(key);
        if (earlier) replaced.set(one.id, earlier.value);
        else
          known.set(key, {
            value: one.id,
            memory: memory.kindOf(base),
            base,
            start: offset,
            end: offset + operation.size,
          });
      } else memory.forget(known, operation);
    }
    ends[id] = known;
  }
  return replaceValues(ir, replaced);
}

/** What all ways into a block know; nothing where one comes from later. */
function startOf(ends: readonly (Available | undefined)[]): Available {
  const [first, ...others] = ends;
  if (!first || others.some((one) => one === undefined)) return new Map();
  return new Map([...first].filter(([key, { value }]) => others.every((one) => one!.get(key)?.value === value)));
}

const number = (name: string): number => helperByName(name)!.id;
/** Helpers that write neither packet nor maps. */
const READ_ONLY: ReadonlySet<number> = new Set(
  [
    "bpf_map_lookup_elem",
    "bpf_ktime_get_ns",
    "bpf_get_prandom_u32",
    "bpf_get_smp_processor_id",
    "bpf_redirect",
    "bpf_redirect_map",
    "bpf_fib_lookup",
    "bpf_ktime_get_boot_ns",
    "bpf_trace_printk",
    "bpf_check_mtu",
  ].map(number),
);
/** Helpers that write maps, but not the packet. */
const MAPS_ONLY: ReadonlySet<number> = new Set(
  [
    "bpf_map_update_elem",
    "bpf_map_delete_elem",
    "bpf_spin_lock",
    "bpf_spin_unlock",
    "bpf_ringbuf_reserve",
    "bpf_ringbuf_submit",
    "bpf_ringbuf_discard",
    "bpf_ringbuf_output",
    "bpf_perf_event_output",
  ].map(number),
);

class Memory {
  readonly #definitions: ReadonlyMap<ValueId, Operation>;
  readonly #kinds = new Map<ValueId, string>();
  readonly #phis = new Map<ValueId, readonly ValueId[]>();

  constructor(ir: IrFunction) {
    this.#definitions = definitionsOf(ir);
    for (const { phis } of ir.blocks) for (const phi of phis) this.#phis.set(phi.id, phi.arguments);
  }

  /** Constant offsets are part of the address. */
  address(value: ValueId, offset: number): { readonly base: ValueId; readonly offset: number } {
    const operation = this.#definitions.get(value);
    if (operation?.kind !== "offset") return { base: value, offset };
    const by = this.#definitions.get(operation.by);
    return by?.kind === "constant" ? this.address(operation.base, offset + Number(by.value)) : { base: value, offset };
  }

  kindOf(value: ValueId): string {
    const known = this.#kinds.get(value);
    if (known !== undefined) return known;
    this.#kinds.set(value, "any");
    const kind = this.#kindOf(value);
    this.#kinds.set(value, kind);
    return kind;
  }

  #kindOf(value: ValueId): string {
    const operation = this.#definitions.get(value);
    if (!operation) {
      const kinds = new Set(
        (this.#phis.get(value) ?? [])
          .filter((one) => this.#definitions.get(one)?.kind !== "constant")
          .map((one) => this.kindOf(one)),
      );
      const [only] = kinds;
      return kinds.size === 1 ? only! : "any";
    }
    switch (operation.kind) {
      case "argument":
        return operation.isContext ? "context" : "any";
      case "stack":
        return `slot ${operation.slot}`;
      case "offset":
        return this.kindOf(operation.base);
      case "load":
        return this.kindOf(operation.base) === "context" ? "packet" : "any";
      case "call":
        return "map";
      case "symbol":
        return "data";
      default:
        return "any";
    }
  }

  /** Drops what an operation may have changed. */
  forget(known: Available, operation: Operation): void {
    if (operation.kind === "store" || operation.kind === "atomic") this.#written(known, operation);
    else if (operation.kind === "call") this.#called(known, operation);
    else if (operation.kind === "callFunction") known.clear();
  }

  #written(known: Available, operation: Extract<Operation, { kind: "store" | "atomic" }>): void {
    const { base, offset } = this.address(operation.base, operation.offset);
    const memory = this.kindOf(base);
    for (const [key, one] of known) {
      const isOther = one.memory !== memory && one.memory !== "any" && memory !== "any";
      const isApart = one.base === base && (one.end <= offset || one.start >= offset + operation.size);
      if (!isOther && !isApart) known.delete(key);
    }
  }

  #called(known: Available, operation: Extract<Operation, { kind: "call" }>): void {
    if (!READ_ONLY.has(operation.helper) && !MAPS_ONLY.has(operation.helper)) {
      known.clear();
      return;
    }
    const isReading = READ_ONLY.has(operation.helper);
    for (const [key, { memory }] of known) {
      if (memory.startsWith("slot") || memory === "any" || (!isReading && memory === "map")) known.delete(key);
    }
  }
}
