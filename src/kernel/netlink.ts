/**
 * Netlink (RFC 3549; include/uapi/linux/netlink.h): a request, then its answers up to the acknowledgement, synchronously.
 *
 *     0        4      6       8          12     16
 *     | length | type | flags | sequence | port | body …
 *
 * A socket belongs to the network namespace of the thread that opened it, for good. A refusal carries the kernel's own
 * sentence where it wrote one (extended acknowledgement, NLMSGERR_ATTR_MSG).
 */
import koffi from "koffi";
import { alignUp, concatBytes, xdpkitError } from "../base/index.ts";
import { errno, errnoName } from "../uapi/index.ts";
import { Descriptor } from "./descriptor.ts";
import { readAttributes, readText } from "./netlink-attributes.ts";

export const NetlinkProtocol = { ROUTE: 0, GENERIC: 16 } as const;

const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC = 3 | 0x80000;
const SOL_NETLINK = 270;
/** NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK: headers without echo, sentences, filters that are checked. */
const SOCKET_OPTIONS = [10, 11, 12];

const HEADER_BYTES = 16;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 0x01;
const NLM_F_ACK = 0x04;
const NLM_F_DUMP = 0x300;
/** The list changed while it was sent. */
const NLM_F_DUMP_INTR = 0x10;
/** Of an error: the request is not repeated in it; attributes follow. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;
const MSG_PEEK = 0x02;
const MSG_DONTWAIT = 0x40;
/** The kernel sends at most 32 KiB at once. */
const RECEIVE_BYTES = 1 << 16;
const DUMP_ATTEMPTS = 8;

interface Native {
  readonly socket: (family: number, type: number, protocol: number) => number;
  readonly setsockopt: (fd: number, level: number, option: number, value: Uint8Array, size: number) => number;
  readonly send: (fd: number, bytes: Uint8Array, size: number, flags: number) => number;
  readonly recv: (fd: number, bytes: Uint8Array, size: number, flags: number) => number;
  readonly bind: (fd: number, address: Uint8Array, size: number) => number;
}

let native: Native | undefined;

function load(): Native {
  if (native) return native;
  const libc = koffi.load(null);
  native = {
    socket: libc.func("int socket(int family, int type, int protocol)") as Native["socket"],
    setsockopt: libc.func(
      "int setsockopt(int fd, int level, int option, const void *value, uint32_t size)",
    ) as Native["setsockopt"],
    send: libc.func("long send(int fd, const void *bytes, size_t size, int flags)") as Native["send"],
    recv: libc.func("long recv(int fd, void *bytes, size_t size, int flags)") as Native["recv"],
    bind: libc.func("int bind(int fd, const void *address, uint32_t size)") as Native["bind"],
  };
  return native;
}

/** A refusal: the negative error number, and the kernel's sentence where it wrote one. */
export interface NetlinkRefusal {
  readonly errno: number;
  readonly sentence?: string;
}

/** What a request brought: the bodies of the answers, or a refusal. */
export type NetlinkAnswer =
  | { readonly bodies: readonly Uint8Array[]; readonly refusal?: never }
  | { readonly refusal: NetlinkRefusal; readonly bodies?: never };

/** What came of one datagram. */
interface Received {
  readonly bodies: Uint8Array[];
  readonly end?: NetlinkRefusal;
  readonly changed: boolean;
}

export class NetlinkSocket extends Descriptor {
  readonly #buffer = new Uint8Array(RECEIVE_BYTES);
  #sequence = 0;

  /**
   * Opens a socket in the thread's network namespace. `groups`: multicast groups to hear, a bit each (RTMGRP_*); such a
   * socket is for `tryReceive` only.
   *
   * @throws XdpkitError KERNEL_CALL
   */
  constructor(protocol: number, groups = 0) {
    const { socket, setsockopt } = load();
    const fd = socket(AF_NETLINK, SOCK_RAW_CLOEXEC, protocol);
    if (fd < 0) throw xdpkitError("KERNEL_CALL", { call: "socket(AF_NETLINK)", errno: errnoName(koffi.errno()) });
    const on = new Uint8Array(Int32Array.of(1).buffer);
    super(fd);
    // A kernel that lacks one of them answers less precisely, that is all.
    for (const option of SOCKET_OPTIONS) setsockopt(this.fd, SOL_NETLINK, option, on, on.length);
    if (groups !== 0) this.#join(groups);
  }

  /** Whether `tryReceive` would find something. */
  get isReadable(): boolean {
    return (
      load().recv(this.fd, this.#buffer, RECEIVE_BYTES, MSG_PEEK | MSG_DONTWAIT) >= 0 || koffi.errno() === errno.ENOBUFS
    );
  }

  /** The messages of the next datagram of the groups; "overrun": the kernel had no room for some. */
  tryReceive(): readonly NetlinkMessage[] | "none" | "overrun" {
    const size = load().recv(this.fd, this.#buffer, RECEIVE_BYTES, MSG_DONTWAIT);
    if (size >= 0) return [...listMessages(this.#buffer.slice(0, size))];
    const code = koffi.errno();
    if (code === errno.ENOBUFS) return "overrun";
    if (code === errno.EAGAIN || code === errno.EINTR) return "none";
    throw xdpkitError("KERNEL_CALL", { call: "recv(AF_NETLINK)", errno: errnoName(code) });
  }

  /** struct sockaddr_nl: family, padding, port, groups. */
  #join(groups: number): void {
    const address = new Uint8Array(12);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_NETLINK, true);
    view.setUint32(8, groups, true);
    if (load().bind(this.fd, address, address.length) === 0) return;
    const code = errnoName(koffi.errno());
    this[Symbol.dispose]();
    throw xdpkitError("KERNEL_CALL", { call: "bind(AF_NETLINK)", errno: code });
  }

  /** One request and its answers. `flags`: NLM_F_* besides. */
  try(type: number, body: Uint8Array, flags = 0): NetlinkAnswer {
    return this.#exchange(type, NLM_F_REQUEST | NLM_F_ACK | flags, body) ?? { bodies: [] };
  }

  /** A whole list; one that changed on its way is asked for again. @throws XdpkitError KERNEL_NETLINK */
  dump(type: number, body: Uint8Array, what: string): readonly Uint8Array[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const answer = this.#exchange(type, NLM_F_REQUEST | NLM_F_DUMP, body);
      if (answer) return accepted(answer, what);
    }
    throw xdpkitError("KERNEL_NETLINK", { request: what, errno: "EINTR", sentence: "the list keeps changing" });
  }

  /** Undefined when a list changed while it came. */
  #exchange(type: number, flags: number, body: Uint8Array): NetlinkAnswer | undefined {
    const sequence = ++this.#sequence;
    this.#send(type, flags, body, sequence);
    const bodies: Uint8Array[] = [];
    let changed = false;
    for (;;) {
      const received = this.#receive(sequence);
      bodies.push(...received.bodies);
      changed ||= received.changed;
      const { end } = received;
      if (!end) continue;
      if (end.errno < 0) return { refusal: end };
      return changed ? undefined : { bodies };
    }
  }

  #send(type: number, flags: number, body: Uint8Array, sequence: number): void {
    const header = new Uint8Array(HEADER_BYTES);
    const view = new DataView(header.buffer);
    view.setUint32(0, HEADER_BYTES + body.length, true);
    view.setUint16(4, type, true);
    view.setUint16(6, flags, true);
    view.setUint32(8, sequence, true);
    const message = concatBytes(header, body);
    if (load().send(this.fd, message, message.length, 0) < 0)
      throw xdpkitError("KERNEL_CALL", { call: "send(AF_NETLINK)", errno: errnoName(koffi.errno()) });
  }

  #receive(sequence: number): Received {
    const { recv } = load();
    let size: number;
    do size = recv(this.fd, this.#buffer, RECEIVE_BYTES, 0);
    while (size < 0 && koffi.errno() === errno.EINTR);
    if (size < 0) throw xdpkitError("KERNEL_CALL", { call: "recv(AF_NETLINK)", errno: errnoName(koffi.errno()) });
    return readMessages(this.#buffer.slice(0, size), sequence);
  }
}

/** Opens a socket in the thread's namespace for as long as `body` runs. */
export function withNetlink<T>(protocol: number, body: (socket: NetlinkSocket) => T): T {
  const socket = new NetlinkSocket(protocol);
  try {
    return body(socket);
  } finally {
    socket[Symbol.dispose]();
  }
}

function accepted(answer: NetlinkAnswer, request: string): readonly Uint8Array[] {
  if (answer.bodies) return answer.bodies;
  const { errno, sentence } = answer.refusal;
  throw xdpkitError("KERNEL_NETLINK", { request, errno: errnoName(errno), sentence: sentence ?? "" });
}

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Uint8Array;
}

function* listMessages(bytes: Uint8Array): Generator<NetlinkMessage> {
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = Math.max(HEADER_BYTES, view.getUint32(at, true));
    yield {
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      body: bytes.subarray(at + HEADER_BYTES, at + length),
    };
    at += alignUp(length, 4);
  }
}

/** The messages of one datagram that answer a request. */
function readMessages(bytes: Uint8Array, wanted: number): Received {
  const bodies: Uint8Array[] = [];
  let end: NetlinkRefusal | undefined;
  let changed = false;
  for (const { type, flags, sequence, body } of listMessages(bytes)) {
    if (sequence !== wanted) continue;
    changed ||= (flags & NLM_F_DUMP_INTR) !== 0;
    if (type === NLMSG_ERROR || type === NLMSG_DONE) end = readEnd(body, type, flags);
    else bodies.push(body);
  }
  return { bodies, changed, ...(end ? { end } : {}) };
}

/** struct nlmsgerr: the number, the request's header, unless capped its body, then attributes. NLMSG_DONE: the number. */
function readEnd(body: Uint8Array, type: number, flags: number): NetlinkRefusal {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const code = body.length >= 4 ? view.getInt32(0, true) : 0;
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno: code };
  const echoed = type === NLMSG_DONE ? 0 : flags & NLM_F_CAPPED ? HEADER_BYTES : alignUp(view.getUint32(4, true), 4);
  const sentence = readText(readAttributes(body.subarray(4 + echoed)).get(NLMSGERR_ATTR_MSG));
  return { errno: code, ...(sentence === undefined ? {} : { sentence }) };
}
