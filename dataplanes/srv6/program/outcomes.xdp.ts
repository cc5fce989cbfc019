/**
 * What became of a packet. Invariant: each packet that was received counts exactly one of these: received = forwarded +
 * passed by reason + dropped by reason. An answer (an ICMP error or a GTP-U echo made of the packet) counts as forwarded, and
 * is named in `answers` besides.
 *
 * A few of the dropped packets a second are shown to user space (`samples`), by a program that a drop jumps to: the verifier
 * would follow it from each of many places.
 */
import {
  exit,
  ktimeGetCoarseNs,
  Outcomes,
  PerfEventArray,
  struct,
  u16,
  u32,
  u64,
  XdpAction,
  type XdpContext,
} from "xdpkit";
import type { Plane } from "./plane.ts";
import { scratch } from "./tables.xdp.ts";
import { restoreTags } from "./tags.xdp.ts";

/** Outcomes of packets that the kernel gets, in the order of their numbers. */
export const PASSED = [
  "notOurs",
  "localDelivery",
  "noNeighbour",
  "notForwarded",
  "forwardingDisabled",
  "fibOther",
  "echo",
  "endMarker",
  "errorIndication",
  "otherMessage",
  "fragment",
] as const;
export type Passed = (typeof PASSED)[number];

/** Outcomes of packets that are dropped, in the order of their numbers. */
export const DROPPED = [
  "truncated",
  "badHeader",
  "lengthMismatch",
  "badSrh",
  "unknownInner",
  "badExtension",
  "tooManyExtensions",
  "noSession",
  "noPath",
  "noHeadroom",
  "tooBig",
  "tooLong",
  "limited",
  "blackhole",
  "unreachable",
  "prohibited",
  "hmac",
  "silent",
  "errorRate",
  "answerFailed",
] as const;
export type Dropped = (typeof DROPPED)[number];

/** What became of packets: exactly one outcome each. */
export const outcomes = new Outcomes(["forwarded", ...PASSED, ...DROPPED]);
/** What the node answered itself, counted besides the outcome. */
export const answers = new Outcomes(["timeExceeded", "packetTooBig", "parameterProblem", "echo"]);

/** A dropped packet; its first bytes follow, as it was when it was given up. */
export class Sample extends struct({
  /** Since boot (CLOCK_MONOTONIC), ns. */
  time: u64,
  /** That it arrived on. */
  interfaceIndex: u32,
  /** Of the frame, bytes. */
  length: u32,
  /** Index in `DROPPED`. */
  reason: u16,
  /** Bytes of the packet that follow; what is behind them is padding. */
  shown: u16,
  /** Tags that were taken off, outermost first; 0: none. */
  outer: u32,
  inner: u32,
  rest: u32,
}) {}
/** Dropped packets that are shown. */
export const samples = new PerfEventArray({ value: Sample, name: "samples" });
/** Bytes of a packet that are shown. */
const SHOWN = 256;

/** Where the program of samples is among the programs. */
export const SAMPLER = 2;

export function drop(plane: Plane, ctx: XdpContext, reason: Dropped): XdpAction {
  const action = outcomes.drop(reason);
  if (plane.sampleInterval > 0n) {
    scratch.at(0).reason = DROPPED.indexOf(reason);
    plane.programs.tailCall(ctx, SAMPLER);
  }
  return action;
}

/** The body of the program of samples, where dropped packets end: at most one in an interval is shown. */
export function sampleDropped(plane: Plane, ctx: XdpContext): XdpAction {
  const own = scratch.at(0);
  const now = ktimeGetCoarseNs();
  if (now < own.nextSampleNs) return XdpAction.Drop;
  own.nextSampleNs = now + plane.sampleInterval;
  const { reason, outer, inner } = own;
  const { ingressInterface: interfaceIndex, length } = ctx;
  const shown = length < SHOWN ? length : SHOWN;
  samples.output(ctx, new Sample({ time: now, interfaceIndex, length, reason, shown, outer, inner }), shown);
  return XdpAction.Drop;
}

/** The kernel gets the frame, with the tags that it came with. */
export function pass(plane: Plane, ctx: XdpContext, reason: Passed): XdpAction {
  if (plane.isTagged) restoreTags(ctx);
  return outcomes.pass(reason);
}

export const truncated = (plane: Plane, ctx: XdpContext): never => exit(drop(plane, ctx, "truncated"));
