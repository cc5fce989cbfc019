/**
 * Names of kernel objects: given as an option, else that of the exported constant.
 *
 * Constants are named when their module has been evaluated (`nameConstant`), because a handle cannot know who holds it.
 * Invariant: the first name stays.
 */
import { xdpkitError } from "../base/index.ts";

const REGISTRY = Symbol.for("xdpkit.names");
const names = ((globalThis as { [REGISTRY]?: WeakMap<object, string> })[REGISTRY] ??= new WeakMap());

/** Says which constant holds a map, program or global. */
export function nameConstant(handle: object, name: string): void {
  if (!names.has(handle)) names.set(handle, name);
}

/** The given name, else the constant's; "" while neither is known. */
export function kernelName(handle: object, given: string | undefined): string {
  return given ?? names.get(handle) ?? "";
}

/** Checks a name that an option gives. @throws XdpkitError LANG_NAME */
export function checkName(name: string | undefined): void {
  if (name !== undefined && !/^[A-Za-z0-9_.]{1,15}$/.test(name)) throw xdpkitError("LANG_NAME", { name });
}
