/** Ids of the kernel's bpf objects, descriptors by id, and what BPF_OBJ_GET_INFO_BY_FD tells (kernel/bpf/syscall.c). */
import { xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";
import { attributes, BpfCommand, bpf, tryBpf } from "./syscall.ts";

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

/** All ids, ascending; `next` is the BPF_*_GET_NEXT_ID of the kind. @throws XdpkitError KERNEL_CALL */
export function* objectIds(next: number): Generator<number> {
  for (let id = 0; ; ) {
    const filled = attributes().u32(0, id);
    const result = tryBpf(next, filled);
    if (result === -errno.ENOENT) return;
    if (result < 0) throw xdpkitError("KERNEL_CALL", { call: "BPF_OBJ_GET_NEXT_ID", errno: errnoName(result) });
    id = filled.view.getUint32(4, true);
    yield id;
  }
}

/** A descriptor, which is the caller's to close; undefined when there is no such object. @throws XdpkitError KERNEL_CALL */
export function openById(command: number, id: number): number | undefined {
  const result = tryBpf(command, attributes().u32(0, id));
  if (result === -errno.ENOENT) return undefined;
  if (result < 0) throw xdpkitError("KERNEL_CALL", { call: "BPF_OBJ_GET_FD_BY_ID", errno: errnoName(result) });
  return result;
}
