/** `BPF_FIB_LKUP_RET_*` (include/uapi/linux/bpf.h): what `bpf_fib_lookup` answers when it is not an error number. */
const NAMES = [
  "SUCCESS",
  "BLACKHOLE",
  "UNREACHABLE",
  "PROHIBIT",
  "NOT_FWDED",
  "FWD_DISABLED",
  "UNSUPP_LWT",
  "NO_NEIGH",
  "FRAG_NEEDED",
  "NO_SRC_ADDR",
] as const;
export type FibResultName = (typeof NAMES)[number];

export const FibResult = Object.fromEntries(NAMES.map((name, value) => [name, value])) as Readonly<
  Record<FibResultName, number>
>;
export const fibResultName = (result: number): FibResultName | undefined => NAMES[result];
