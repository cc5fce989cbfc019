/**
 * What sessions counted in a table that another has replaced is added to theirs in the new one: from user space a sum could
 * not be written without losing what a processor counts meanwhile. Run by hand, on records in place of a packet.
 */
import { atomic, range, struct, u32, u64, XdpAction, type XdpContext } from "xdpkit";
import type { Plane } from "./plane.ts";

export class Carried extends struct({ slot: u32, spare: u32, packets: u64, bytes: u64 }) {}
/** Records of a run: 768 bytes. */
export const CARRIED_AT_ONCE = 32;

export function carryCounts(plane: Plane, ctx: XdpContext): XdpAction {
  for (const i of range(CARRIED_AT_ONCE)) {
    const one = ctx.header(Carried, i * Carried.size);
    if (!one) break;
    const session = plane.tables.sessions.at(one.slot & (plane.sessionSlots - 1));
    atomic.add(session, "packets", one.packets);
    atomic.add(session, "bytes", one.bytes);
  }
  return XdpAction.Pass;
}
