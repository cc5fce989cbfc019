/** The error for a program whose module was not instrumented. */
import { requireRegistered } from "../../lang/index.ts";
import type { KernelFunction } from "./scope.ts";

export function kernelMissing(body: { readonly name: string }): KernelFunction {
  requireRegistered(body);
  throw new Error("unreachable");
}
