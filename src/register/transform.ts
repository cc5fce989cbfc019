/** Which files the loaders change, and how. Runs anywhere. */
import { instrument, isInstrumented, stripTypes } from "../compiler/index.ts";

/** Kernel modules: as TypeScript, or as tsc made JavaScript of them for a package. */
export const isKernelModule = (file: string): boolean => /\.xdp\.[cm]?[jt]s$/.test(file);

/** JavaScript of a kernel module or of plain TypeScript; `id` as instrument() has it. Throws STAGE_SYNTAX, STAGE_NOT_ERASABLE. */
export function transform(source: string, file: string, id: string = file): string {
  if (!isKernelModule(file)) return stripTypes(source, file);
  return isInstrumented(source) ? source : instrument(source, { file, id }).code;
}
