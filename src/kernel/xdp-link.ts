/** What `attachXdp` gives: a program on an interface, held by a BPF link or by the interface itself (netlink). */
import { type XdpkitError, xdpkitError } from "../base/index.ts";
import { errno } from "../uapi/index.ts";
import { type Place, refusalError } from "./attach-refusal.ts";
import { askForInterface, type XdpMode } from "./interfaces.ts";
import { KernelLink } from "./links.ts";
import { NetlinkProtocol, type NetlinkRefusal, NetlinkSocket } from "./netlink.ts";
import { programInfo } from "./program-info.ts";
import { type ProgramDescriptor, upgrading } from "./upgrade.ts";
import { askToReplaceXdp } from "./xdp-netlink.ts";

interface Attached extends Disposable {
  readonly interfaceIndex: number;
  /** The mode that it got. */
  readonly mode: XdpMode;
  /** Why the modes before it were refused, in the order tried. */
  readonly refused: readonly XdpkitError[];
  /** Another program in its place, without a gap. @throws XdpkitError KERNEL_INTERFACE_GONE, KERNEL_UNEXPECTED_PROGRAM */
  update(program: ProgramDescriptor): void;
  /** Takes the program away; nothing happens when the interface has gone. */
  detach(): void;
}

/** Disposing it detaches, unless a pin or another descriptor holds the link. */
export class LinkAttachment extends KernelLink implements Attached {
  /** By a bpf_link: it goes when the last descriptor and pin go. */
  readonly via = "link";
  /** Where it was attached. */
  readonly interfaceIndex: number;
  readonly mode: XdpMode;
  readonly refused: readonly XdpkitError[];

  constructor(fd: number, { interface: { index }, mode }: Place, refused: readonly XdpkitError[]) {
    super(fd);
    this.interfaceIndex = index;
    this.mode = mode;
    this.refused = refused;
  }
}

/**
 * Stays when it is disposed of, and when the process ends. It changes only what it has put there itself, and works in
 * whatever namespace the thread is: its socket is of the interface's.
 */
export class NetlinkAttachment implements Attached {
  /** By netlink, as iproute2 does: it stays until somebody takes it off. */
  readonly via = "netlink";
  readonly refused: readonly XdpkitError[];
  readonly #place: Place;
  readonly #socket = new NetlinkSocket(NetlinkProtocol.ROUTE);
  #programId: number;

  constructor(program: ProgramDescriptor, place: Place, refused: readonly XdpkitError[]) {
    this.#place = place;
    this.refused = refused;
    this.#programId = programInfo(program).id;
  }

  /** Where the program is. */
  get interfaceIndex(): number {
    return this.#place.interface.index;
  }
  get mode(): XdpMode {
    return this.#place.mode;
  }

  /** @throws XdpkitError KERNEL_INTERFACE_GONE, KERNEL_UNEXPECTED_PROGRAM, KERNEL_ATTACH */
  update(program: ProgramDescriptor): void {
    upgrading(program, () => this.#update(program));
  }

  #update(program: ProgramDescriptor): void {
    const refusal = this.#set(program.fd);
    if (refusal?.errno === -errno.EEXIST || refusal?.errno === -errno.EBUSY) throw this.#unexpected();
    const find = (which: string | number, namespaceId?: number) => askForInterface(this.#socket, which, namespaceId);
    if (refusal) throw refusalError(refusal, this.#place, program, find);
    this.#programId = programInfo(program).id;
  }

  /** @throws XdpkitError KERNEL_UNEXPECTED_PROGRAM */
  detach(): void {
    const refusal = this.#set(-1);
    if (refusal && refusal.errno !== -errno.ENODEV) throw this.#unexpected();
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  #set(fd: number): NetlinkRefusal | undefined {
    const { interfaceIndex, mode } = this;
    return askToReplaceXdp(this.#socket, { interfaceIndex, mode, fd }, this.#programId);
  }

  #unexpected(): XdpkitError {
    return xdpkitError("KERNEL_UNEXPECTED_PROGRAM", { holder: this.#place.interface.name });
  }
}

/** `via` says which. */
export type XdpLink = LinkAttachment | NetlinkAttachment;
