/**
 * XDP programs on interfaces by netlink (RTM_SETLINK with IFLA_XDP; net/core/dev.c, dev_change_xdp_fd): what stays until
 * someone takes it away, and the only way in which the kernel says why it refuses.
 */
import { concatBytes } from "../base/index.ts";
import { errno } from "../uapi/index.ts";
import { askForInterface, interfaceHeader, type XdpMode } from "./interfaces.ts";
import { NetlinkProtocol, type NetlinkRefusal, type NetlinkSocket, withNetlink } from "./netlink.ts";
import { attribute, nested, u32Attribute } from "./netlink-attributes.ts";
import { mayOpenByIds, openById } from "./object-info.ts";
import { closeFd } from "./syscall.ts";

const RTM_SETLINK = 19;
const IFLA_XDP = 43;
const IFLA_XDP_FD = 1;
const IFLA_XDP_FLAGS = 3;
const IFLA_XDP_EXPECTED_FD = 8;

/** XDP_FLAGS_DRV_MODE and its kin; LINK_CREATE has the same. */
export const MODE_FLAGS: Readonly<Record<XdpMode, number>> = { native: 1 << 2, generic: 1 << 1, offload: 1 << 3 };
const UPDATE_IF_NOEXIST = 1 << 0;
const REPLACE = 1 << 4;

export interface SetXdpOptions {
  readonly interfaceIndex: number;
  readonly mode: XdpMode;
  /** Descriptor of the program; -1 takes away what is there. */
  readonly fd: number;
  /** `none`: only where nothing is attached; a descriptor: only in place of that program. Default: whatever is there. */
  readonly expected?: "none" | number;
}

/** In the thread's namespace. Undefined when it was done. */
export function trySetXdp(options: SetXdpOptions): NetlinkRefusal | undefined {
  return withNetlink(NetlinkProtocol.ROUTE, (socket) => askToSetXdp(socket, options));
}

/** In the namespace of a socket. Undefined when it was done. */
export function askToSetXdp(socket: NetlinkSocket, options: SetXdpOptions): NetlinkRefusal | undefined {
  const { interfaceIndex, mode, fd, expected } = options;
  const replaces = typeof expected === "number";
  const flags = MODE_FLAGS[mode] | (expected === "none" ? UPDATE_IF_NOEXIST : replaces ? REPLACE : 0);
  const xdp = nested(
    IFLA_XDP,
    i32Attribute(IFLA_XDP_FD, fd),
    u32Attribute(IFLA_XDP_FLAGS, flags),
    ...(replaces ? [i32Attribute(IFLA_XDP_EXPECTED_FD, expected)] : []),
  );
  return socket.try(RTM_SETLINK, concatBytes(interfaceHeader(interfaceIndex), xdp)).refusal;
}

/**
 * The same in place of the program of an id; EEXIST when another is there, or none, ENODEV without the interface. Who may not
 * open programs by their ids (CAP_SYS_ADMIN) compares what the interface has just before, which the kernel cannot do then.
 */
export function askToReplaceXdp(
  socket: NetlinkSocket,
  options: Omit<SetXdpOptions, "expected">,
  programId: number,
): NetlinkRefusal | undefined {
  const now = askForInterface(socket, options.interfaceIndex);
  if (!now) return { errno: -errno.ENODEV };
  if (!now.attached.some((one) => one.mode === options.mode && one.programId === programId))
    return { errno: -errno.EEXIST };
  const mayOpen = mayOpenByIds();
  const expected = mayOpen ? openById("program", programId) : undefined;
  if (mayOpen && expected === undefined) return { errno: -errno.EEXIST };
  try {
    return askToSetXdp(socket, { ...options, ...(expected === undefined ? {} : { expected }) });
  } finally {
    if (expected !== undefined) closeFd(expected);
  }
}

const i32Attribute = (type: number, value: number): Uint8Array =>
  attribute(type, new Uint8Array(Int32Array.of(value).buffer));
