/**
 * Mixed traffic, deterministic: every header that the packet layer knows, as it occurs in networks, and some broken
 * packets at the end. `make-capture.ts` writes it to examples/captures, tests compare it with tshark.
 *
 * Invariant: nothing here depends on time or chance.
 */
import { arp, discovery, dns, ping, ping6, web } from "./everyday.ts";
import type { Named } from "./frames.ts";
import { mobile, mobileControl } from "./mobile.ts";
import { broken, others } from "./rare.ts";
import { segmentRouted, tagged, tunnels } from "./tunnelled.ts";

export interface Sample {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** True for packets that are broken on purpose. */
  readonly isBroken: boolean;
}

/** About 240 packets. */
export function mixedTraffic(): readonly Sample[] {
  const whole = [
    ...arp(),
    ...ping(8),
    ...dns(8),
    ...web(),
    ...discovery(),
    ...ping6(8),
    ...tagged(6),
    ...segmentRouted(5),
    ...mobile(8),
    ...mobileControl(),
    ...tunnels(4),
    ...others(),
  ];
  const sample =
    (isBroken: boolean) =>
    ([name, bytes]: Named) => ({ name, bytes, isBroken });
  return [...whole.map(sample(false)), ...broken().map(sample(true))];
}
