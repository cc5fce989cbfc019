/**
 * Drops packets by source prefix, IPv4 and IPv6, longest match first; a rule may also let a part of a denied prefix in.
 * Each rule has a number, and per-CPU counters under it: rules of both families may share one.
 */
import {
  bool,
  exit,
  ipv4Address,
  ipv6Address,
  LpmTrie,
  Outcomes,
  PerCpuArray,
  struct,
  u32,
  u64,
  XdpAction,
  type XdpContext,
  xdp,
} from "xdpkit";
import { EtherType, Ipv4, Ipv6 } from "xdpkit/packet";
import { takeLink } from "xdpkit/walk";

export const MAX_RULES = 4096;

export class Rule extends struct({ number: u32, allow: bool }) {}
export class Hits extends struct({ packets: u64, bytes: u64 }) {}

export const rules4 = new LpmTrie({ key: ipv4Address, value: Rule, maxEntries: 100_000 });
export const rules6 = new LpmTrie({ key: ipv6Address, value: Rule, maxEntries: 100_000 });
export const hits = new PerCpuArray({ value: Hits, maxEntries: MAX_RULES });
export const outcomes = new Outcomes(["truncated", "noRule", "allowed", "denied"]);

function truncated(): never {
  return exit(outcomes.drop("truncated"));
}

function apply(ctx: XdpContext, rule: Rule): XdpAction {
  const hit = hits.lookup(rule.number);
  if (hit) {
    hit.packets += 1n;
    hit.bytes += BigInt(ctx.length);
  }
  return rule.allow ? outcomes.pass("allowed") : outcomes.drop("denied");
}

export const deny = xdp((ctx) => {
  const cursor = ctx.cursor();
  const link = takeLink(cursor) ?? truncated();
  if (link.etherType === EtherType.Ipv4) {
    const ip = cursor.take(Ipv4) ?? truncated();
    const rule = rules4.lookup(ip.source) ?? exit(outcomes.pass("noRule"));
    return apply(ctx, rule);
  }
  if (link.etherType === EtherType.Ipv6) {
    const ip = cursor.take(Ipv6) ?? truncated();
    const rule = rules6.lookup(ip.source) ?? exit(outcomes.pass("noRule"));
    return apply(ctx, rule);
  }
  return XdpAction.Pass;
});
