/** kernel: direct access to the running kernel: bpf(2). */
export { pinThread } from "./cpu.ts";
export { LoadedObject, type LoadObjectOptions, possibleCpus } from "./load.ts";
export { KernelMap, tryCreateMap } from "./maps.ts";
export { inNamespace } from "./namespace.ts";
export { openPin, pin } from "./pins.ts";
export {
  KernelProgram,
  type LoadProgramOptions,
  loadProgram,
  type TestRunOptions,
  type TestRunResult,
} from "./programs.ts";
