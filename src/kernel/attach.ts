/**
 * Attaching XDP programs: by BPF link, which its holder keeps, or by netlink, which stays.
 *
 * A refused LINK_CREATE gives only an error number, so netlink is asked the same for the sentence, in a way that cannot
 * replace anything (XDP_FLAGS_UPDATE_IF_NOEXIST). Invariant: replacing is atomic or refused, so that no packet goes without
 * a program.
 */
import { invariant, type XdpkitError, xdpkitError } from "../base/index.ts";
import { errno } from "../uapi/index.ts";
import { attachError, attachmentsAt, occupiedError, type Place } from "./attach-refusal.ts";
import { type Attachment, describeAttachment } from "./attachments.ts";
import { findInterface, type XdpMode } from "./interfaces.ts";
import { LinkPin } from "./link-pin.ts";
import { listLinks, openLink, tryCreateLink } from "./links.ts";
import type { NetlinkRefusal } from "./netlink.ts";
import { type ProgramDescriptor, upgrading } from "./upgrade.ts";
import { LinkAttachment, NetlinkAttachment, type XdpLink } from "./xdp-link.ts";
import { trySetXdp } from "./xdp-netlink.ts";

/** Which interface, how, and what outlives the process. */
export interface AttachOptions {
  /** Name, alternative name or index, in the thread's namespace. */
  readonly interface: string | number;
  /** Several are tried in their order; a driver's refusal leads to the next. Default native. */
  readonly mode?: XdpMode | readonly XdpMode[];
  /** Default link. */
  readonly via?: "link" | "netlink";
  /** Takes the place of what is attached in the same way; of a program: only of that one. Default false. */
  readonly replace?: boolean | ProgramDescriptor;
  /**
   * Path in a bpf file system that holds the link when the process has ended. With `replace`, the link that is pinned there
   * gets the program, so that the next start takes over. Links only: netlink has nothing that could be pinned.
   */
  readonly pin?: string | undefined;
}

/** An attempt in one mode: what is attached, or why it is not. */
type Outcome = { readonly link: XdpLink; readonly error?: never } | { readonly error: XdpkitError };

type Replace = NonNullable<AttachOptions["replace"]>;

interface Attempt {
  readonly place: Place;
  readonly replace: Replace;
  readonly pin: LinkPin | undefined;
  /** Why the modes before it were refused. */
  readonly refused: readonly XdpkitError[];
}

/**
 * Attaches a program to an interface.
 *
 * @throws XdpkitError KERNEL_PIN_WITHOUT_LINK before anything happens, KERNEL_NO_INTERFACE, KERNEL_INTERFACE_GONE,
 *   KERNEL_OCCUPIED, KERNEL_PROGRAM_TYPE, KERNEL_UNEXPECTED_PROGRAM, KERNEL_ATTACH with the kernel's sentence, KERNEL_PIN,
 *   KERNEL_AMBIGUOUS_LINK, KERNEL_LOCKED. After an error all is as it was before, pins of the program's maps included
 */
export function attachXdp(program: ProgramDescriptor, options: AttachOptions): XdpLink {
  const { via = "link", replace = false } = options;
  if (via === "netlink" && options.pin !== undefined)
    throw xdpkitError("KERNEL_PIN_WITHOUT_LINK", { pin: options.pin });
  return upgrading(program, () => {
    const found = findInterface(options.interface);
    const pin = options.pin === undefined ? undefined : new LinkPin(options.pin, found, replace !== false);
    return attachThere(program, [options.mode ?? "native"].flat(), { place: { interface: found, via }, replace, pin });
  });
}

type AnyMode = Omit<Attempt, "refused" | "place"> & { readonly place: Omit<Place, "mode"> };

function attachThere(program: ProgramDescriptor, modes: readonly XdpMode[], { place, ...how }: AnyMode): XdpLink {
  const refused: XdpkitError[] = [];
  for (const mode of modes) {
    const outcome = attachInMode(program, { ...how, place: { ...place, mode }, refused: [...refused] });
    if ("link" in outcome) return outcome.link;
    refused.push(outcome.error);
    if (outcome.error.code !== "KERNEL_ATTACH") break;
  }
  invariant(refused.length > 0, "a list of modes has at least one");
  throw refused.at(-1)!;
}

function attachInMode(program: ProgramDescriptor, attempt: Attempt): Outcome {
  const { place, replace, pin, refused } = attempt;
  if (place.via === "netlink") return attachByNetlink(program, attempt);
  const [current] = replace === false ? [] : attachmentsAt(place, pin?.links).filter(({ mode }) => mode === place.mode);
  if (current) return takeOver(current, program, attempt);
  const result = tryCreateLink(program, place.interface.index, place.mode);
  if (result < 0) return { error: attachError(sentenceFor(result, program, place), place, program) };
  const link = new LinkAttachment(result, place, refused);
  try {
    pin?.hold(link);
    return { link };
  } catch (error) {
    link[Symbol.dispose]();
    throw error;
  }
}

function attachByNetlink(program: ProgramDescriptor, { place, replace, refused }: Attempt): Outcome {
  const { interface: target, mode } = place;
  const expected = replace === true ? {} : { expected: replace === false ? ("none" as const) : replace.fd };
  const refusal = trySetXdp({ interfaceIndex: target.index, mode, fd: program.fd, ...expected });
  if (!refusal) return { link: new NetlinkAttachment(program, place, refused) };
  const isUnexpected = refusal.errno === -errno.EEXIST && /not match expected/.test(refusal.sentence ?? "");
  if (isUnexpected) return { error: xdpkitError("KERNEL_UNEXPECTED_PROGRAM", { holder: target.name }) };
  return { error: attachError(refusal, place, program) };
}

/** Netlink's refusal of the same. What it attaches after all (before Linux 5.9 there are no links) is taken away. */
function sentenceFor(code: number, program: ProgramDescriptor, { interface: { index }, mode }: Place): NetlinkRefusal {
  const request = { interfaceIndex: index, mode };
  const refusal = trySetXdp({ ...request, fd: program.fd, expected: "none" });
  if (refusal) return refusal;
  trySetXdp({ ...request, fd: -1, expected: program.fd });
  return { errno: code, sentence: "there are no links of XDP before Linux 5.9" };
}

/** The link that is there gets the program; whoever else holds it holds on. It is pinned first, which can be undone. */
function takeOver(current: Attachment, program: ProgramDescriptor, { place, replace, pin }: Attempt): Outcome {
  const [only, another] = current.links;
  const { name } = place.interface;
  if (another)
    return { error: xdpkitError("KERNEL_AMBIGUOUS_LINK", { interface: name, holder: describeAttachment(current) }) };
  // Without the right to list them a link of others cannot be found: this throws what would do.
  if (current.via === "link" && !only) listLinks();
  const link = only && (pin?.open(only.id) ?? openLink(only.id));
  if (!link) return { error: occupiedError(place, [current]) };
  try {
    pin?.hold(link);
    link.update(program, typeof replace === "boolean" ? undefined : replace);
    return { link: new LinkAttachment(link.surrender(), place, []) };
  } catch (error) {
    pin?.letGo();
    link[Symbol.dispose]();
    throw error;
  }
}
