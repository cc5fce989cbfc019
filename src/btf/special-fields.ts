/** Fields of map values that the kernel knows by the name of their type (btf_find_field in kernel/bpf/btf.c). */
import { resolve, sizeOf } from "./query.ts";
import type { Btf, BtfType, TypeId } from "./types.ts";

/** Structs in structs that are searched (MAX_RECURSE_DEPTH). */
const MAX_DEPTH = 4;

/** A field with its offset in the value, bytes. */
export interface SpecialField {
  /** Of the struct: `bpf_spin_lock`, `bpf_timer`. */
  readonly name: string;
  /** Bytes from the beginning of the value. */
  readonly offset: number;
}

/** The structs in a value that `isSpecial` knows, arrays element by element. @throws BTF_TYPE_ID, BTF_CYCLE */
export function specialFields(btf: Btf, type: TypeId, isSpecial: (name: string) => boolean, depth = 0): SpecialField[] {
  const held = resolve(btf, type);
  if (held.kind === "array") return elementFields(btf, held, isSpecial, depth);
  if (held.kind !== "struct" || depth > MAX_DEPTH) return [];
  if (isSpecial(held.name)) return [{ name: held.name, offset: 0 }];
  return held.members.flatMap((member) =>
    specialFields(btf, member.type, isSpecial, depth + 1).map(({ name, offset }) => ({
      name,
      offset: member.bitOffset / 8 + offset,
    })),
  );
}

function elementFields(
  btf: Btf,
  { element, length }: Extract<BtfType, { kind: "array" }>,
  isSpecial: (name: string) => boolean,
  depth: number,
): SpecialField[] {
  const inside = specialFields(btf, element, isSpecial, depth);
  if (inside.length === 0) return [];
  const size = sizeOf(btf, element);
  return Array.from({ length }, (_, at) => inside.map((one) => ({ ...one, offset: one.offset + at * size }))).flat();
}
