/**
 * What is attached where: interfaces say which programs they run, links and programs the rest.
 *
 * A link's interface is known by index only, and indices repeat in other namespaces. Whether a link holds a place is asked
 * of the kernel by a request that it refuses in any case, differently for links.
 */
import { errno } from "../uapi/index.ts";
import { listInterfaces, type NetworkInterface, type XdpMode } from "./interfaces.ts";
import { type LinkInfo, listLinks } from "./links.ts";
import { permitted } from "./object-info.ts";
import { loadPass } from "./pass-program.ts";
import { type ProgramInfo, programInfoById } from "./program-info.ts";
import type { KernelProgram } from "./programs.ts";
import { trySetXdp } from "./xdp-netlink.ts";

/** A program on an interface. */
export interface Attachment {
  /** Where. */
  readonly interface: { readonly index: number; readonly name: string };
  /** How: by the driver, by the kernel for any driver, or on the card. */
  readonly mode: XdpMode;
  /** As `bpftool prog` numbers it. */
  readonly programId: number;
  /** Undefined when it was replaced just now, and without CAP_SYS_ADMIN. */
  readonly program: ProgramInfo | undefined;
  /** By a bpf_link, or by netlink as iproute2 does. */
  readonly via: "link" | "netlink";
  /**
   * Links that may hold it: more than one where another namespace has the same program at the same index; none without
   * CAP_SYS_ADMIN but those that the caller holds.
   */
  readonly links: readonly LinkInfo[];
}

/**
 * Everything attached in the thread's namespace. Without CAP_SYS_ADMIN the links of others are not told, nor what programs are:
 * then `known` has the links that the caller holds.
 *
 * @throws XdpkitError KERNEL_CALL, KERNEL_NETLINK
 */
export function listAttachments(
  interfaces: readonly NetworkInterface[] = listInterfaces(),
  known: readonly LinkInfo[] = [],
): Attachment[] {
  const occupied = interfaces.filter(({ attached }) => attached.length > 0);
  const links = occupied.length === 0 ? [] : permitted(listLinks);
  return occupied.flatMap(({ index, name, attached }) =>
    attached.map(({ mode, programId }) => {
      const candidates = (links ?? known).filter(
        (link) => link.interfaceIndex === index && link.programId === programId,
      );
      const held = (!links || candidates.length > 0) && isHeldByLink(index, mode);
      return {
        interface: { index, name },
        mode,
        programId,
        program: permitted(() => programInfoById(programId)),
        via: held ? "link" : "netlink",
        links: held ? candidates : [],
      } as const;
    }),
  );
}

/** Asks to take away a program that nobody has attached: EBUSY says that a link is in the way, EEXIST that none is. */
function isHeldByLink(interfaceIndex: number, mode: XdpMode): boolean {
  const stranger = loadStranger();
  try {
    return trySetXdp({ interfaceIndex, mode, fd: -1, expected: stranger.fd })?.errno === -errno.EBUSY;
  } finally {
    stranger[Symbol.dispose]();
  }
}

/** @throws XdpkitError KERNEL_CALL of listing links, which says what would do */
function loadStranger(): KernelProgram {
  try {
    return loadPass("stranger");
  } catch (error) {
    listLinks();
    throw error;
  }
}

/** `program 42 xdp_pass in native mode by link 3`. */
export function describeAttachment({ programId, program, mode, via, links }: Attachment): string {
  const name = program && program.name !== "" ? ` ${program.name}` : "";
  const holder =
    via === "link" ? (links.length === 0 ? "a link" : `link ${links.map(({ id }) => id).join(" or ")}`) : "netlink";
  return `program ${programId}${name} in ${mode} mode by ${holder}`;
}
