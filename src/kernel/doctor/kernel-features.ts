/** The doctor's checks of what the kernel can do: map types, helpers, features, each by trying. */
import { helperByName, mapTypeSince } from "../../uapi/index.ts";
import { FEATURES, type FeatureName, hasFeature, hasHelper, hasMapType, XDP_MAP_TYPES } from "../features.ts";
import { type Finding, ok, warning } from "./finding.ts";

/** Helpers that later kernels brought, and that programs use. */
const HELPERS = [
  "bpf_fib_lookup",
  "bpf_xdp_adjust_tail",
  "bpf_ringbuf_reserve",
  "bpf_check_mtu",
  "bpf_for_each_map_elem",
  "bpf_timer_init",
  "bpf_loop",
  "bpf_strncmp",
  "bpf_xdp_load_bytes",
  "bpf_xdp_get_buff_len",
  "bpf_dynptr_from_mem",
  "bpf_ktime_get_tai_ns",
  "bpf_user_ringbuf_drain",
] as const;

export function examineFeatures(): Finding[] {
  const features = (Object.keys(FEATURES) as FeatureName[]).map((name) => {
    const { what, since } = FEATURES[name];
    return { name: `${name} (${what})`, since, has: hasFeature(name) };
  });
  const maps = XDP_MAP_TYPES.map((name) => ({ name, since: mapTypeSince(name) ?? "", has: hasMapType(name) }));
  const helpers = HELPERS.map((name) => ({ name, since: helperByName(name)?.since ?? "", has: hasHelper(name) }));
  return [
    summary("kernel-features", "feature", features),
    summary("map-types", "map type", maps),
    summary("helpers", "helper", helpers),
  ];
}

function summary(
  check: string,
  what: string,
  rows: readonly { readonly name: string; readonly since: string; readonly has: boolean }[],
): Finding {
  const lacks = rows.filter(({ has }) => !has);
  if (lacks.length === 0) return ok(check, `the kernel has all ${rows.length} ${what}s that were tried`);
  const says = `the kernel lacks ${lacks.length} of ${rows.length} ${what}s: ${lacks.map(({ name }) => name).join(", ")}`;
  const newest = lacks
    .map(({ since }) => since)
    .sort(byVersion)
    .at(-1);
  return warning(
    check,
    says,
    `Linux ${newest} has them; { target } of xdp() keeps a program to what an older kernel has`,
  );
}

const numbers = (version: string): number[] => version.split(".").map(Number);
function byVersion(a: string, b: string): number {
  const [[majorA = 0, minorA = 0], [majorB = 0, minorB = 0]] = [numbers(a), numbers(b)];
  return majorA - majorB || minorA - minorB;
}
