/** Programs, maps, links and BTF by their ids, and what the kernel says of one (BPF_OBJ_GET_INFO_BY_FD, kernel/bpf/syscall.c). */
import { readlinkSync } from "node:fs";
import { type XdpkitError, xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";
import { openPin } from "./pins.ts";
import { attributes, BpfCommand, bpf, closeFd, tryBpf } from "./syscall.ts";

const COMMANDS = {
  program: { next: BpfCommand.ProgNextId, open: BpfCommand.ProgFdById, call: "BPF_PROG_GET_FD_BY_ID" },
  map: { next: BpfCommand.MapNextId, open: BpfCommand.MapFdById, call: "BPF_MAP_GET_FD_BY_ID" },
  link: { next: BpfCommand.LinkNextId, open: BpfCommand.LinkFdById, call: "BPF_LINK_GET_FD_BY_ID" },
  btf: { next: BpfCommand.BtfNextId, open: BpfCommand.BtfFdById, call: "BPF_BTF_GET_FD_BY_ID" },
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

/** A descriptor, which is the caller's to close; undefined when the object is gone. @throws XdpkitError KERNEL_CALL */
export function openById(kind: ObjectKind, id: number): number | undefined {
  const { open, call } = COMMANDS[kind];
  const result = tryBpf(open, attributes().u32(0, id));
  if (result === -errno.ENOENT) return undefined;
  if (result < 0) throw xdpkitError("KERNEL_CALL", { call, errno: errnoName(result) });
  return result;
}

/** The largest id that the kernel asks a right for; numbers above are refused as such. */
const LAST_ID = 2 ** 31 - 2;

/** Whether this process may list objects and open them by their ids (CAP_SYS_ADMIN; bpf_obj_get_next_id). */
export const mayOpenByIds = (): boolean => tryBpf(COMMANDS.program.next, attributes().u32(0, LAST_ID)) !== -errno.EPERM;

/** What needs that right; undefined without it. */
export const permitted = <T>(ask: () => T): T | undefined => (mayOpenByIds() ? ask() : undefined);

/**
 * The first `bytes` of the object's info; what an older kernel does not have is zero. `prepare` fills in what the kernel
 * should know, such as addresses of buffers. @throws XdpkitError KERNEL_CALL
 */
export function objectInfo(fd: number, bytes: number, prepare?: (info: DataView) => void): DataView {
  const info = new Uint8Array(bytes);
  const view = new DataView(info.buffer);
  prepare?.(view);
  bpf(BpfCommand.InfoByFd, attributes().u32(0, fd).u32(4, bytes).pointer(8, info), "BPF_OBJ_GET_INFO_BY_FD");
  return view;
}

/** The id of a program or map: both infos have it at the same place. */
export const objectId = (fd: number): number => objectInfo(fd, 8).getUint32(4, true);

type DescriptorKind = "program" | "map" | "link";

const ANONYMOUS_FILES: Readonly<Record<string, DescriptorKind>> = {
  "anon_inode:bpf-prog": "program",
  "anon_inode:bpf-map": "map",
  "anon_inode:bpf_link": "link",
  "anon_inode:bpf-link": "link",
};

/** What a descriptor is: the structs of BPF_OBJ_GET_INFO_BY_FD do not say. */
export function descriptorKind(fd: number): DescriptorKind | undefined {
  return ANONYMOUS_FILES[readlinkSync(`/proc/self/fd/${fd}`)];
}

/**
 * A descriptor of what is pinned there; undefined when nothing is. `wrong` makes the error for what is of another kind.
 *
 * @throws XdpkitError KERNEL_PIN
 */
export function openPinOf(
  kind: DescriptorKind,
  path: string,
  wrong: (found: DescriptorKind | undefined) => XdpkitError,
): number | undefined {
  const fd = openPin(path);
  if (fd === undefined) return undefined;
  const found = descriptorKind(fd);
  if (found === kind) return fd;
  closeFd(fd);
  throw wrong(found);
}
