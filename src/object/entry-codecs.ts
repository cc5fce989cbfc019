/**
 * Codecs of whole keys and values of a map: those of the caller (a kernel module's schemas), else those of the object's BTF,
 * else by size; and the form that per-CPU values have in user space (kernel/bpf/hashtab.c, bpf_percpu_hash_copy).
 */
import { alignUp } from "../base/index.ts";
import type { Btf } from "../btf/index.ts";
import type { BpfMap } from "./bpf-object.ts";
import { type Codec, codecOf, sizedCodec } from "./value-codec.ts";

/** How the key and the value of a map become bytes. */
export interface EntryCodecs {
  /** Of the key. */
  readonly key: Codec;
  /** Of one CPU. */
  readonly value: Codec;
}

/** `given` in place of what BTF says; sizes are checked against the map's. */
export function entryCodecs(btf: Btf | undefined, map: BpfMap, given: Partial<EntryCodecs> = {}): EntryCodecs {
  const { name, keySize, valueSize, keyType, valueType, data } = map;
  const [key, value] = [{ name, what: "key" } as const, { name, what: "value" } as const];
  return {
    key: given.key ? sizedCodec(given.key, keySize, key) : codecOf(btf, keyType, keySize, key),
    value: given.value
      ? sizedCodec(given.value, valueSize, value)
      : codecOf(btf, data?.type ?? valueType, valueSize, value),
  };
}

/** Lists with a value per CPU, each padded to 8 bytes. One value that is no list stands for all CPUs. */
export function perCpuCodec({ size, decode, encode }: Codec, cpus: number): Codec {
  const padded = alignUp(size, 8);
  return {
    size: padded * cpus,
    decode: (bytes) =>
      Array.from({ length: cpus }, (_, cpu) => decode(bytes.subarray(cpu * padded, cpu * padded + size))),
    encode(value, path) {
      const all = new Uint8Array(padded * cpus);
      if (value instanceof Uint8Array && value.length === all.length) return value;
      for (let cpu = 0; cpu < cpus; cpu++) {
        const isList = Array.isArray(value);
        const one = isList ? (value as unknown[])[cpu] : value;
        all.set(encode(one, isList ? `${path}[${cpu}]` : path), cpu * padded);
      }
      return all;
    },
  };
}
