/**
 * Names of kernel objects: given as an option, else that of the constant that holds them, which the instrumented module
 * has told the registry.
 */
import { xdpkitError } from "../base/index.ts";
import { nameOf } from "./registry.ts";

/** The given name, else the constant's; "" while neither is known. */
export function kernelName(handle: object, given: string | undefined): string {
  return given ?? nameOf(handle)?.name ?? "";
}

/** Checks a name that an option gives. @throws XdpkitError LANG_NAME */
export function checkName(name: string | undefined): void {
  if (name !== undefined && !/^[A-Za-z0-9_.]{1,15}$/.test(name)) throw xdpkitError("LANG_NAME", { name });
}
