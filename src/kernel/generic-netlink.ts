/** Generic netlink (include/uapi/linux/genetlink.h): families by name, and one request to one of them. */
import { concatBytes } from "../base/index.ts";
import { NetlinkProtocol, withNetlink } from "./netlink.ts";
import { type AttributeMap, readAttributes, textAttribute } from "./netlink-attributes.ts";

const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
/** struct genlmsghdr: command, version, two reserved bytes. */
const HEADER_BYTES = 4;

const header = (command: number): Uint8Array => Uint8Array.of(command, 1, 0, 0);

/**
 * The attributes of the answer. Undefined where the kernel has no such family, or the device nothing to say: what is asked
 * here, old kernels and simple drivers do not know.
 */
export function askFamily(family: string, command: number, attributes: Uint8Array): AttributeMap | undefined {
  return withNetlink(NetlinkProtocol.GENERIC, (socket) => {
    const name = textAttribute(CTRL_ATTR_FAMILY_NAME, family);
    const found = socket.try(GENL_ID_CTRL, concatBytes(header(CTRL_CMD_GETFAMILY), name)).bodies?.[0];
    const id = found && readAttributes(found.subarray(HEADER_BYTES)).get(CTRL_ATTR_FAMILY_ID);
    if (!id) return undefined;
    const type = new DataView(id.buffer, id.byteOffset).getUint16(0, true);
    const answer = socket.try(type, concatBytes(header(command), attributes)).bodies?.[0];
    return answer && readAttributes(answer.subarray(HEADER_BYTES));
  });
}
