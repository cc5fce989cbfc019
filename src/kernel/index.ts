/** kernel: direct access to the running kernel: bpf(2). */
export { pinThread, possibleCpus } from "./cpu.ts";
export { KernelHandles, type LoadedMaps } from "./handles.ts";
export { LoadedObject, type LoadObjectOptions } from "./load.ts";
export { BloomAccess, EntryAccess, QueueAccess } from "./map-access.ts";
export type { Batch, EntryBytes } from "./map-batch.ts";
export { foreignCodecs, type MapInfo, mapIds, mapInfo, openMapById, openPinnedMap } from "./map-info.ts";
export { KernelMap, tryCreateMap } from "./maps.ts";
export { inNamespace } from "./namespace.ts";
export { PerfReader } from "./perf-array.ts";
export { openPin, pin } from "./pins.ts";
export {
  KernelProgram,
  type LoadProgramOptions,
  loadProgram,
  type TestRunOptions,
  type TestRunResult,
} from "./programs.ts";
export { type RecordSource, Records } from "./records.ts";
export { RingReader, RingWriter } from "./ring-buffer.ts";
export { openTrace, type TraceLine, type TraceStream } from "./trace-pipe.ts";
