/** Programs, maps and links by their ids, and what the kernel says of one (BPF_*_GET_NEXT_ID, BPF_OBJ_GET_INFO_BY_FD). */
import { readlinkSync } from "node:fs";
import { xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";
import { addressOf, attributes, BpfCommand, bpf, tryBpf } from "./syscall.ts";

const COMMANDS = {
  program: { next: BpfCommand.ProgNextId, open: BpfCommand.ProgFdById, call: "BPF_PROG_GET_FD_BY_ID" },
  link: { next: BpfCommand.LinkNextId, open: BpfCommand.LinkFdById, call: "BPF_LINK_GET_FD_BY_ID" },
} as const;

export type ObjectKind = keyof typeof COMMANDS;

/** Ids in rising order: all of this machine, whatever their namespace. @throws XdpkitError KERNEL_CALL */
export function* objectIds(kind: ObjectKind): Generator<number> {
  for (let id = 0; ; ) {
    const filled = attributes().u32(0, id);
    const result = tryBpf(COMMANDS[kind].next, filled);
    if (result === -errno.ENOENT) return;
    if (result < 0) throw xdpkitError("KERNEL_CALL", { call: `listing ${kind}s`, errno: errnoName(result) });
    id = filled.view.getUint32(4, true);
    yield id;
  }
}

/** A descriptor; undefined when the object is gone. @throws XdpkitError KERNEL_CALL */
export function openById(kind: ObjectKind, id: number): number | undefined {
  const { open, call } = COMMANDS[kind];
  const result = tryBpf(open, attributes().u32(0, id));
  if (result === -errno.ENOENT) return undefined;
  if (result < 0) throw xdpkitError("KERNEL_CALL", { call, errno: errnoName(result) });
  return result;
}

/** A list that the kernel writes beside the struct: where its count stands, where its address, and the room for it. */
type InfoList = readonly [countAt: number, addressAt: number, room: Uint8Array];

/** Fills `info` (a struct bpf_*_info) as far as this kernel knows it. @throws XdpkitError KERNEL_CALL */
export function readInfo(fd: number, info: Uint8Array, lists: readonly InfoList[] = []): DataView {
  const view = new DataView(info.buffer, info.byteOffset, info.length);
  for (const [countAt, addressAt, room] of lists) {
    view.setUint32(countAt, room.length / 4, true);
    view.setBigUint64(addressAt, addressOf(room), true);
  }
  bpf(BpfCommand.InfoByFd, attributes().u32(0, fd).u32(4, info.length).pointer(8, info), "BPF_OBJ_GET_INFO_BY_FD");
  return view;
}

const ANONYMOUS_FILES: Readonly<Record<string, "program" | "map" | "link">> = {
  "anon_inode:bpf-prog": "program",
  "anon_inode:bpf-map": "map",
  "anon_inode:bpf_link": "link",
  "anon_inode:bpf-link": "link",
};

/** What a descriptor is: the structs of BPF_OBJ_GET_INFO_BY_FD do not say. */
export function descriptorKind(fd: number): "program" | "map" | "link" | undefined {
  return ANONYMOUS_FILES[readlinkSync(`/proc/self/fd/${fd}`)];
}
