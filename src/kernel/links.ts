/**
 * BPF links of XDP (BPF_LINK_CREATE; net/core/dev.c, bpf_xdp_link_attach): an attachment that is a kernel object with an id.
 *
 * It lasts as long as a descriptor or a pin holds it, and only its holders can change it. Invariant: the kernel tells a
 * link's interface by index only, not by namespace, so two namespaces may seem to share one: see attachments.ts.
 */
import { xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";
import { Descriptor } from "./descriptor.ts";
import type { XdpMode } from "./interfaces.ts";
import { objectIds, objectInfo, openById, openPinOf } from "./object-info.ts";
import { pin } from "./pins.ts";
import { attributes, BpfCommand, bpf, closeFd, tryBpf } from "./syscall.ts";
import { type ProgramDescriptor, upgrading } from "./upgrade.ts";
import { MODE_FLAGS } from "./xdp-netlink.ts";

/** What the kernel tells of a bpf_link. */
export interface LinkInfo {
  /** As `bpftool link` numbers it. */
  readonly id: number;
  /** As `bpftool prog` numbers it. */
  readonly programId: number;
  /** 0 when the interface has gone, or the link was detached. */
  readonly interfaceIndex: number;
}

/** BPF_XDP of enum bpf_attach_type. */
const ATTACH_TYPE_XDP = 37;
/** BPF_LINK_TYPE_XDP of enum bpf_link_type. */
const LINK_TYPE_XDP = 6;
const BPF_F_REPLACE = 1 << 2;
/** struct bpf_link_info up to the interface's index. */
const INFO_BYTES = 40;

/** A link's descriptor, or a negative error number: LINK_CREATE says no more. */
export function tryCreateLink(program: ProgramDescriptor, interfaceIndex: number, mode: XdpMode): number {
  const filled = attributes()
    .u32(0, program.fd)
    .u32(4, interfaceIndex)
    .u32(8, ATTACH_TYPE_XDP)
    .u32(12, MODE_FLAGS[mode]);
  return tryBpf(BpfCommand.LinkCreate, filled);
}

/**
 * A BPF link. Disposing closes the descriptor: what nobody else holds and no pin keeps is detached by that. One that is dropped
 * without being disposed of stays until the process ends: the collector must not take a program off its interface.
 */
export class KernelLink extends Descriptor {
  constructor(fd: number) {
    super(fd, true);
  }

  /** What the kernel tells of it now. @throws XdpkitError KERNEL_NOT_A_LINK, KERNEL_CALL */
  info(): LinkInfo {
    const info = linkInfo(this.fd);
    if (!info) throw xdpkitError("KERNEL_NOT_A_LINK", { what: "the descriptor" });
    return info;
  }

  /**
   * Puts another program in its place; packets see the one or the other. With `expected`, only in place of that one.
   *
   * @throws XdpkitError KERNEL_INTERFACE_GONE, KERNEL_UNEXPECTED_PROGRAM, KERNEL_LINK_UPDATE
   */
  update(program: ProgramDescriptor, expected?: ProgramDescriptor): void {
    upgrading(program, () => this.#update(program, expected));
  }

  #update(program: ProgramDescriptor, expected?: ProgramDescriptor): void {
    const filled = attributes().u32(0, this.fd).u32(4, program.fd);
    if (expected) filled.u32(8, BPF_F_REPLACE).u32(12, expected.fd);
    const result = tryBpf(BpfCommand.LinkUpdate, filled);
    if (result >= 0) return;
    const { id } = this.info();
    if (result === -errno.ENOLINK) throw xdpkitError("KERNEL_INTERFACE_GONE", { what: `link ${id}` });
    if (result === -errno.EPERM && expected) throw xdpkitError("KERNEL_UNEXPECTED_PROGRAM", { holder: `link ${id}` });
    throw xdpkitError("KERNEL_LINK_UPDATE", { link: id, errno: errnoName(result) });
  }

  /** Detaches, whoever else holds the link; a pin of it stays, and holds nothing. @throws XdpkitError KERNEL_CALL */
  detach(): void {
    bpf(BpfCommand.LinkDetach, attributes().u32(0, this.fd), "BPF_LINK_DETACH");
  }

  /** Keeps it attached when the process has ended. @throws XdpkitError KERNEL_PIN */
  pin(path: string): void {
    pin(this.fd, path);
  }
}

/** Undefined when the descriptor is no link of XDP. */
export function linkInfo(fd: number): LinkInfo | undefined {
  const view = objectInfo(fd, INFO_BYTES);
  if (view.getUint32(0, true) !== LINK_TYPE_XDP) return undefined;
  return {
    id: view.getUint32(4, true),
    programId: view.getUint32(8, true),
    interfaceIndex: view.getUint32(16, true),
  };
}

/** The link that is pinned there; undefined when nothing is. @throws XdpkitError KERNEL_PIN, KERNEL_NOT_A_LINK */
export function openPinnedLink(path: string): KernelLink | undefined {
  const wrong = () => xdpkitError("KERNEL_NOT_A_LINK", { what: path });
  const fd = openPinOf("link", path, wrong);
  if (fd === undefined) return undefined;
  if (linkInfo(fd)) return new KernelLink(fd);
  closeFd(fd);
  throw wrong();
}

/** All links of XDP on this machine, whatever their namespace. @throws XdpkitError KERNEL_CALL */
export function listLinks(): LinkInfo[] {
  return [...objectIds("link")].flatMap((id) => {
    const fd = openById("link", id);
    if (fd === undefined) return [];
    try {
      return linkInfo(fd) ?? [];
    } finally {
      closeFd(fd);
    }
  });
}

/** Undefined when it is gone. @throws XdpkitError KERNEL_CALL */
export function openLink(id: number): KernelLink | undefined {
  const fd = openById("link", id);
  return fd === undefined ? undefined : new KernelLink(fd);
}
