/** Whether the kernel has a function that code calls: object files ask for its address, which is 0 where it is missing. */
import type { Front, Split } from "./front.ts";
import { isOlder } from "./unit.ts";

/** Before, the verifier takes no address of a function, and libbpf gives none. */
const ADDRESSES_SINCE = "6.4";

/**
 * The paths with and without the function; the verifier leaves one of them out. For an older target there is only the path
 * with it, and a kernel that lacks it refuses the program.
 */
export function whereKernelHas(front: Front, name: string): Split {
  const { kfuncs, target } = front.unit;
  kfuncs.add(name);
  if (target !== undefined && isOlder(target, ADDRESSES_SINCE)) return { yes: front.leave(), no: undefined };
  const address = front.emit({ kind: "symbol", symbol: { kind: "extern", extern: name } }, "pointer");
  return front.branch("ne", address, front.constant(0));
}
