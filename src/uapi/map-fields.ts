/**
 * Where the fields of map values that the kernel knows by their type may stand (`map_check_btf`, kernel/bpf/syscall.c; "one
 * of each" is `btf_find_field`, kernel/bpf/btf.c).
 */
import { errno } from "./errno.ts";
import type { MapRefusal } from "./map-rules.ts";
import { MapFlag, type MapTypeName, mapTypeName } from "./maps.ts";

const FIELDS = {
  bpf_spin_lock: ["HASH", "ARRAY", "CGROUP_STORAGE", "SK_STORAGE", "INODE_STORAGE", "TASK_STORAGE", "CGRP_STORAGE"],
  bpf_res_spin_lock: ["HASH", "ARRAY", "CGROUP_STORAGE", "SK_STORAGE", "INODE_STORAGE", "TASK_STORAGE", "CGRP_STORAGE"],
  bpf_timer: ["HASH", "LRU_HASH", "ARRAY"],
  bpf_wq: ["HASH", "LRU_HASH", "ARRAY"],
  bpf_list_head: ["HASH", "LRU_HASH", "ARRAY"],
  bpf_rb_root: ["HASH", "LRU_HASH", "ARRAY"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** The name of a struct that the kernel knows in map values. */
export type MapFieldName = keyof typeof FIELDS;

export const isMapField = (name: string): name is MapFieldName => Object.hasOwn(FIELDS, name);

/** Of these a value has one at most. */
const SINGLE: readonly MapFieldName[] = ["bpf_spin_lock", "bpf_res_spin_lock", "bpf_timer", "bpf_wq"];

/** Why the kernel would refuse a map with such fields in its value; undefined when it takes them. */
export function refusedFields(
  map: { readonly type: number; readonly flags: number },
  fields: readonly MapFieldName[],
): MapRefusal | undefined {
  const type = mapTypeName(map.type) as MapTypeName;
  const twice = SINGLE.find((name) => fields.filter((one) => one === name).length > 1);
  if (twice) return { errno: errno.E2BIG, field: "value", rule: `has more than one struct ${twice}; one is allowed` };
  if (fields.length > 0 && map.flags & (MapFlag.RDONLY_PROG | MapFlag.WRONLY_PROG)) {
    const rule = `has a struct ${fields[0]}, which programs must be able to read and write`;
    return { errno: errno.EACCES, field: "value", rule };
  }
  const wrong = fields.find((name) => !(FIELDS[name] as readonly string[]).includes(type));
  if (!wrong) return undefined;
  const types = FIELDS[wrong].filter((one) => !one.endsWith("_STORAGE")).join(", ");
  const rule = `has a struct ${wrong}, which may stand in values of ${types} only, not of ${type}`;
  return { errno: errno.EOPNOTSUPP, field: "value", rule };
}
