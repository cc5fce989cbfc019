/** Taking away what is attached, whoever attached it: the link is detached, or the interface told by netlink. */
import { rmSync } from "node:fs";
import { xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";
import { type Attachment, describeAttachment, listAttachments } from "./attachments.ts";
import { findInterface, type XdpMode } from "./interfaces.ts";
import { findLinkHolders } from "./link-holders.ts";
import { openLink } from "./links.ts";
import { openById } from "./object-info.ts";
import { closeFd } from "./syscall.ts";
import { trySetXdp } from "./xdp-netlink.ts";

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
 * Takes away every program of an interface. A program that someone else puts there meanwhile stays.
 *
 * @throws XdpkitError KERNEL_NO_INTERFACE, KERNEL_NOT_ATTACHED, KERNEL_OCCUPIED, KERNEL_UNEXPECTED_PROGRAM,
 *   KERNEL_NETLINK, KERNEL_AMBIGUOUS_LINK
 */
export function detachXdp(options: DetachOptions): Detached[] {
  const target = findInterface(options.interface);
  const found = listAttachments([target]).filter(({ mode }) => options.mode === undefined || options.mode === mode);
  if (found.length === 0)
    throw xdpkitError("KERNEL_NOT_ATTACHED", { interface: target.name, mode: options.mode ?? "" });
  return found.map((attachment) => ({
    ...attachment,
    removedPins: attachment.via === "link" ? detachLink(attachment) : detachByNetlink(attachment),
  }));
}

/** The pins that were removed with it. */
function detachLink(attachment: Attachment): readonly string[] {
  const [only, another] = attachment.links;
  if (!only || another)
    throw xdpkitError("KERNEL_AMBIGUOUS_LINK", {
      interface: attachment.interface.name,
      holder: describeAttachment(attachment),
    });
  const pins = findLinkHolders().get(only.id)?.pins ?? [];
  const link = openLink(only.id);
  link?.detach();
  link?.[Symbol.dispose]();
  for (const path of pins) rmSync(path, { force: true });
  return pins;
}

function detachByNetlink({ interface: { index, name }, mode, programId }: Attachment): readonly string[] {
  const expected = openById("program", programId);
  if (expected === undefined) throw xdpkitError("KERNEL_UNEXPECTED_PROGRAM", { holder: name });
  try {
    const refusal = trySetXdp({ interfaceIndex: index, mode, fd: -1, expected });
    if (!refusal || refusal.errno === -errno.ENODEV) return [];
    if (refusal.errno === -errno.EEXIST) throw xdpkitError("KERNEL_UNEXPECTED_PROGRAM", { holder: name });
    throw xdpkitError("KERNEL_NETLINK", {
      request: "RTM_SETLINK",
      errno: errnoName(refusal.errno),
      sentence: refusal.sentence ?? "",
    });
  } finally {
    closeFd(expected);
  }
}
