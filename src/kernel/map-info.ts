/** Maps that others made: found by id, name or pin, with the definition that the kernel remembers (struct bpf_map_info). */
import { readFileSync } from "node:fs";
import { xdpkitError } from "../base/index.ts";
import type { Btf } from "../btf/index.ts";
import { type BpfMap, type EntryCodecs, entryCodecs } from "../object/index.ts";
import { btfById } from "./btf-by-id.ts";
import { possibleCpus } from "./cpu.ts";
import { isFrozen } from "./map-errors.ts";
import { KernelMap } from "./maps.ts";
import { readText } from "./netlink-attributes.ts";
import { objectIds, objectInfo, openById, openPinOf } from "./object-info.ts";
import { closeFd } from "./syscall.ts";
import { targetCodec } from "./target-codecs.ts";

const INFO_BYTES = 88;
/** Where the name stands, and its bytes (BPF_OBJ_NAME_LEN). */
const NAME_AT = 24;
const NAME_BYTES = 16;

/** What the kernel tells of a map. */
export interface MapInfo {
  /** As `bpftool map` numbers it. */
  readonly id: number;
  /** Without what the kernel does not tell: the pin, the NUMA node, the template of a map of maps. */
  readonly definition: BpfMap;
  /** 0 when the map has no BTF. */
  readonly btfId: number;
  /** Whether user space can write it no more. */
  readonly frozen: boolean;
  /** Bytes of kernel memory, as the kernel counts them. */
  readonly memoryBytes: number;
}

/** What the kernel tells of the map behind a descriptor. @throws XdpkitError KERNEL_CALL */
export function mapInfo(fd: number): MapInfo {
  const info = objectInfo(fd, INFO_BYTES);
  const word = (offset: number): number => info.getUint32(offset, true);
  const [keyType, valueType] = [word(68), word(72)];
  const definition: BpfMap = {
    name: readText(new Uint8Array(info.buffer, NAME_AT, NAME_BYTES))!,
    style: "btf",
    type: word(0),
    keySize: word(8),
    valueSize: word(12),
    maxEntries: word(16),
    flags: word(20),
    extra: info.getBigUint64(80, true),
    pinByName: false,
    ...(keyType ? { keyType } : {}),
    ...(valueType ? { valueType } : {}),
  };
  const memlock = /^memlock:\t(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
  return { id: word(4), definition, btfId: word(64), frozen: isFrozen(fd), memoryBytes: Number(memlock ?? 0) };
}

/** Ids of all maps of the machine, ascending. */
export const mapIds = (): Generator<number> => objectIds("map");

/** The map of an id, which is the caller's to dispose of; undefined when there is none. @throws XdpkitError KERNEL_CALL */
export function openMapById(id: number): KernelMap | undefined {
  const fd = openById("map", id);
  return fd === undefined ? undefined : adopt(fd);
}

/** The map that is pinned there; undefined when nothing is. @throws XdpkitError KERNEL_PIN, KERNEL_NOT_A_MAP */
export function openPinnedMap(path: string): KernelMap | undefined {
  const fd = openPinOf("map", path, (kind) =>
    xdpkitError("KERNEL_NOT_A_MAP", { path, what: kind ? `a ${kind}` : "something else" }),
  );
  return fd === undefined ? undefined : adopt(fd);
}

/** A map of a descriptor, which it closes. */
function adopt(fd: number): KernelMap {
  try {
    return new KernelMap(fd, mapInfo(fd).definition, possibleCpus());
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** How to read and write a map that no module describes: by its BTF, by what its type fixes, else by size. */
export function foreignCodecs({ fd, definition }: KernelMap): EntryCodecs & { readonly btf?: Btf } {
  const { btfId } = mapInfo(fd);
  const btf = btfId === 0 ? undefined : btfById(btfId);
  const target = targetCodec(definition.type, definition.valueSize);
  return { ...entryCodecs(btf, definition, target ? { value: target } : {}), ...(btf ? { btf } : {}) };
}
