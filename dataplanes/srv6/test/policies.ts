/** Policies for the tables of tests, and the headers that they put around packets. */
import type { Part } from "xdpkit/packet";
import type { HeadendName, PolicyConfig, Srv6Config } from "../index.ts";
import { ip6, NEXT, NODE, NODE4, srh } from "./frames.ts";

export const MTU = 1500;
/** Steered into the policy. */
export const TO4 = "203.0.113.7";
export const TO6 = "2001:db8:77::7";
export const SEGMENTS = [NEXT, "fc00:a::1", "fc00:b::1"] as const;

export const policy = (headend: HeadendName, segments: number, more: Partial<PolicyConfig> = {}): PolicyConfig => ({
  name: "p",
  headend,
  paths: [{ segments: SEGMENTS.slice(0, segments) }],
  flowLabel: 0,
  ...more,
});
export const steered = (one: PolicyConfig): Srv6Config => ({
  address: NODE,
  address4: NODE4,
  policies: [one],
  steering: [
    ...(one.headend === "H.Insert" ? [] : [{ prefix: "203.0.113.0/24", policy: "p" }]),
    { prefix: "2001:db8:77::/48", policy: "p" },
  ],
});

/** The outer headers for a number of segments. */
export function outer(count: number, isReduced: boolean, more: object = {}): Part[] {
  const header = ip6(NEXT, { source: NODE, hopLimit: 64, ...more } as never);
  const listed = [...SEGMENTS.slice(isReduced ? 1 : 0, count)].reverse();
  return listed.length === 0 ? [header] : [header, srh({ segments: listed, segmentsLeft: count - 1 })];
}
