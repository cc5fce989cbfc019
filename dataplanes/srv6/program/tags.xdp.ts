/**
 * VLAN tags (IEEE 802.1Q, 802.1ad): taken off when a frame arrives and put on when one leaves, so that everything between sees
 * frames without. A tag is one number: protocol and tag control information.
 */
import { assign, be16, be32, copyOf, overlay, struct, subprogram, type XdpContext } from "xdpkit";
import { Ethernet, EtherType } from "xdpkit/packet";
import type { Plane } from "./plane.ts";
import { Stations, scratch } from "./tables.xdp.ts";

class OneTag extends struct({ stations: Stations, outer: be32, etherType: be16 }) {}
class TwoTags extends struct({ stations: Stations, outer: be32, inner: be32, etherType: be16 }) {}

/** Protocol and VLAN identifier: without priority and drop eligibility. */
const IDENTITY = 0xffff0fff;

const isTag = (etherType: number): boolean => etherType === EtherType.Vlan || etherType === EtherType.QinQ;

/** False: no headroom, and nothing has changed. `inner` 0: one tag. */
export const pushTags = subprogram((ctx: XdpContext, outer: number, inner: number): boolean => {
  const ethernet = ctx.header(Ethernet, 0);
  if (!ethernet) return false;
  const stations = copyOf(overlay(Stations, ethernet));
  const { etherType } = ethernet;
  if (inner === 0) {
    const frame = ctx.replaceHead(Ethernet.size, OneTag);
    if (!frame) return false;
    assign(frame.stations, stations);
    frame.outer = outer;
    frame.etherType = etherType;
    return true;
  }
  const frame = ctx.replaceHead(Ethernet.size, TwoTags);
  if (!frame) return false;
  assign(frame.stations, stations);
  frame.outer = outer;
  frame.inner = inner;
  frame.etherType = etherType;
  return true;
});

/** What `takeTags` took off. */
export function restoreTags(ctx: XdpContext): void {
  const { outer, inner } = scratch.at(0);
  if (outer !== 0) pushTags(ctx, outer, inner);
}

/** Takes the tags of a VLAN of ours off; other frames stay as they are. */
export function takeTags(plane: Plane, ctx: XdpContext): void {
  const own = scratch.at(0);
  own.outer = 0;
  own.inner = 0;
  own.port = ctx.ingressInterface;
  const once = ctx.header(OneTag, 0);
  if (!once) return;
  const { outer } = once;
  if (!isTag(outer >>> 16)) return;
  const twice = isTag(once.etherType) ? ctx.header(TwoTags, 0) : null;
  const inner = twice ? twice.inner : 0;
  const etherType = twice ? twice.etherType : once.etherType;
  const key = { interfaceIndex: ctx.ingressInterface, outer: outer & IDENTITY, inner: inner & IDENTITY };
  const found = plane.tables.taggedInputs.lookup(key);
  if (!found) return;
  own.port = found.value;
  const stations = copyOf(once.stations);
  const size = inner === 0 ? OneTag.size : TwoTags.size;
  const ethernet = ctx.replaceHead(size, Ethernet);
  if (!ethernet) return;
  assign(overlay(Stations, ethernet), stations);
  ethernet.etherType = etherType;
  own.outer = outer;
  own.inner = inner;
}
