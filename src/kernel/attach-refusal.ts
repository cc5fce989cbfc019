/** Why a program was not attached: the kernel's number and sentence, made an error that says what to do. */
import { type XdpkitError, xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";
import { type Attachment, describeAttachment, listAttachments } from "./attachments.ts";
import { type NetworkInterface, tryFindInterface, type XdpMode } from "./interfaces.ts";
import type { LinkInfo } from "./links.ts";
import type { NetlinkRefusal } from "./netlink.ts";
import { programInfo } from "./program-info.ts";
import type { ProgramDescriptor } from "./upgrade.ts";

/** Where a program is to go. */
export interface Place {
  readonly interface: NetworkInterface;
  readonly mode: XdpMode;
  readonly via: "link" | "netlink";
}

/** Something else is in the way. */
const OCCUPIED: readonly number[] = [-errno.EBUSY, -errno.EEXIST];

/** What is attached there now, in whatever mode; `known`: see `listAttachments`. */
export function attachmentsAt({ interface: { index } }: Place, known: readonly LinkInfo[] = []): Attachment[] {
  const now = tryFindInterface(index);
  return now ? listAttachments([now], known) : [];
}

/** The error of an attempt in the thread's namespace. */
export function attachError(refusal: NetlinkRefusal, place: Place, program: ProgramDescriptor): XdpkitError {
  const current = OCCUPIED.includes(refusal.errno) ? attachmentsAt(place) : [];
  return current.length > 0 ? occupiedError(place, current) : refusalError(refusal, place, program);
}

export function occupiedError(place: Place, current: readonly Attachment[]): XdpkitError {
  const same = current.find(({ mode }) => mode === place.mode);
  return xdpkitError("KERNEL_OCCUPIED", {
    interface: place.interface.name,
    holder: current.map(describeAttachment).join(" and "),
    ...(same ? { replaceVia: same.via } : {}),
  });
}

/** The error when nothing is in the way. `find` looks for the peer where the interface is. */
export function refusalError(
  refusal: NetlinkRefusal,
  place: Place,
  program: ProgramDescriptor,
  find: typeof tryFindInterface = tryFindInterface,
): XdpkitError {
  const { name, kind, lower } = place.interface;
  if (refusal.errno === -errno.ENODEV) return xdpkitError("KERNEL_INTERFACE_GONE", { what: name });
  const info = programInfo(program);
  if (info.type !== "XDP")
    return xdpkitError("KERNEL_PROGRAM_TYPE", { interface: name, program: info.name, type: info.type });
  const peer = kind === "veth" && lower ? find(lower.index, lower.namespaceId)?.name : undefined;
  return xdpkitError("KERNEL_ATTACH", {
    interface: name,
    ...(peer === undefined ? {} : { peer }),
    mode: place.mode,
    errno: errnoName(refusal.errno),
    reason: refusal.sentence ?? "",
  });
}
