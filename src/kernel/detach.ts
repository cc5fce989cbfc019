/** Taking away what is attached, whoever attached it: the link is detached, or the interface told by netlink. */
import { rmSync } from "node:fs";
import { xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";
import { type Attachment, describeAttachment, listAttachments } from "./attachments.ts";
import { findInterface, type XdpMode } from "./interfaces.ts";
import { findLinkHolders, type LinkHolders } from "./link-holders.ts";
import { listLinks, openLink, openPinnedLink } from "./links.ts";
import { NetlinkProtocol, withNetlink } from "./netlink.ts";
import { askToReplaceXdp } from "./xdp-netlink.ts";

/** Which interface, which program. */
export interface DetachOptions {
  /** Name, alternative name or index, in the thread's namespace. */
  readonly interface: string | number;
  /** Only what is attached in this mode. */
  readonly mode?: XdpMode;
}

/** What was taken off. */
export interface Detached extends Attachment {
  /** Pins of the link, which held nothing any more and were removed. */
  readonly removedPins: readonly string[];
}

/**
 * Takes away every program of an interface. A program that someone else puts there meanwhile stays (without CAP_SYS_ADMIN: when
 * the kernel tells it in time). Without that right a link is found by a pin of it.
 *
 * @throws XdpkitError KERNEL_NO_INTERFACE, KERNEL_NOT_ATTACHED, KERNEL_AMBIGUOUS_LINK, KERNEL_UNEXPECTED_PROGRAM,
 *   KERNEL_NETLINK, KERNEL_CALL
 */
export function detachXdp(options: DetachOptions): Detached[] {
  const target = findInterface(options.interface);
  const found = listAttachments([target]).filter(({ mode }) => options.mode === undefined || options.mode === mode);
  if (found.length === 0)
    throw xdpkitError("KERNEL_NOT_ATTACHED", { interface: target.name, mode: options.mode ?? "" });
  return found.map((attachment) => {
    if (attachment.via === "link") return { ...attachment, ...detachLink(attachment) };
    detachByNetlink(attachment);
    return { ...attachment, removedPins: [] };
  });
}

/** The link, and the pins that were removed with it. */
function detachLink(attachment: Attachment): Pick<Detached, "links" | "removedPins"> {
  const [only, another] = attachment.links;
  if (another)
    throw xdpkitError("KERNEL_AMBIGUOUS_LINK", {
      interface: attachment.interface.name,
      holder: describeAttachment(attachment),
    });
  const holders = findLinkHolders();
  const pins = (only ? holders.get(only.id)?.pins : pinsOfUnlisted(attachment, holders)) ?? [];
  using link = only ? openLink(only.id) : openPinnedLink(pins[0]!);
  const links = only ? [only] : link ? [link.info()] : [];
  link?.detach();
  for (const path of pins) rmSync(path, { force: true });
  return { links, removedPins: pins };
}

/** Where links may not be listed: the pins of one that holds the place. @throws XdpkitError KERNEL_CALL when there is none */
function pinsOfUnlisted(
  { interface: { index }, programId }: Attachment,
  holders: ReadonlyMap<number, LinkHolders>,
): readonly string[] {
  const found = [...holders.values()].find(({ pins: [path] }) => {
    using link = path === undefined ? undefined : openPinnedLink(path);
    const info = link?.info();
    return info?.interfaceIndex === index && info.programId === programId;
  });
  if (!found) listLinks();
  return found?.pins ?? [];
}

function detachByNetlink({ interface: { index, name }, mode, programId }: Attachment): void {
  const refusal = withNetlink(NetlinkProtocol.ROUTE, (socket) =>
    askToReplaceXdp(socket, { interfaceIndex: index, mode, fd: -1 }, programId),
  );
  if (!refusal || refusal.errno === -errno.ENODEV) return;
  if (refusal.errno === -errno.EEXIST) throw xdpkitError("KERNEL_UNEXPECTED_PROGRAM", { holder: name });
  throw xdpkitError("KERNEL_NETLINK", {
    request: "RTM_SETLINK",
    errno: errnoName(refusal.errno),
    sentence: refusal.sentence ?? "",
  });
}
