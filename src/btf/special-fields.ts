/** Fields of map values that the kernel knows by the name of their type (btf_find_field in kernel/bpf/btf.c). */
import { resolve } from "./query.ts";
import type { Btf, TypeId } from "./types.ts";

/** Structs in structs that are searched (MAX_RECURSE_DEPTH). */
const MAX_DEPTH = 4;

/** Bytes from the start of a value to its `struct bpf_spin_lock`; undefined when it has none. @throws BTF_TYPE_ID, BTF_CYCLE */
export function spinLockOffset(btf: Btf, type: TypeId, depth = 0): number | undefined {
  const struct = resolve(btf, type);
  if (struct.kind !== "struct" || depth > MAX_DEPTH) return undefined;
  for (const member of struct.members) {
    const inner = resolve(btf, member.type);
    if (inner.kind !== "struct") continue;
    const offset = inner.name === "bpf_spin_lock" ? 0 : spinLockOffset(btf, member.type, depth + 1);
    if (offset !== undefined) return member.bitOffset / 8 + offset;
  }
  return undefined;
}
