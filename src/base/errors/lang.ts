/** Errors of the lang layer: declarations of kernel modules, and kernel code that runs where there is no kernel. */
import { entry } from "./entry.ts";

export const langErrors = {
  LANG_KERNEL_ONLY: entry(
    (p: { name: string }) => `${p.name} was called outside a kernel function`,
    () => "call it inside a function that is handed to xdp(…); user space opens maps with loaded.map(…) or vm.map(…)",
  ),
  LANG_MAP_OPTION: entry(
    (p: { map: string; option: string; problem: string }) => `${p.map}: ${p.option} ${p.problem}`,
    () => "see the map's documentation for the range",
  ),
  LANG_NAME: entry(
    (p: { name: string }) => `${JSON.stringify(p.name)} cannot be the name of a kernel object`,
    () => "use 1 to 15 letters, digits, underscores or dots",
  ),
  LANG_PREFIX: entry(
    (p: { found: string; bits: number }) => `${p.found} is no prefix of 0 to ${p.bits} bits`,
    ({ bits }) =>
      `write the address and the number of bits, such as "${bits === 32 ? "192.0.2.0/24" : "2001:db8::/32"}"`,
  ),
  LANG_OUTCOME_NAMES: entry(
    (p: { problem: string }) => `outcomes: ${p.problem}`,
    () => 'give a list of different names: new Outcomes(["truncated", "forwarded"])',
  ),
} as const;
