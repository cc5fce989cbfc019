/** BTF that the kernel holds, by id: the types of programs and maps that others loaded (struct bpf_btf_info). */
import { type Btf, readBtf } from "../btf/index.ts";
import { objectInfo, openById, permitted } from "./object-info.ts";
import { addressOf, closeFd } from "./syscall.ts";

const INFO_BYTES = 32;

/**
 * Undefined when there is no such BTF, it is the kernel's own, or this process may not open it by its id (CAP_SYS_ADMIN): then
 * keys and values are taken as those of a map without BTF.
 *
 * @throws XdpkitError KERNEL_CALL, BTF_*
 */
export function btfById(id: number): Btf | undefined {
  const fd = permitted(() => openById("btf", id));
  if (fd === undefined) return undefined;
  try {
    const size = objectInfo(fd, INFO_BYTES);
    if (size.getUint32(28, true) !== 0) return undefined;
    const bytes = new Uint8Array(size.getUint32(8, true));
    objectInfo(fd, INFO_BYTES, (info) => {
      info.setBigUint64(0, addressOf(bytes), true);
      info.setUint32(8, bytes.length, true);
    });
    return readBtf(bytes);
  } finally {
    closeFd(fd);
  }
}
