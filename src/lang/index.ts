/** lang: what `*.xdp.ts` modules import: layouts, programs, maps, helpers. Methods of handles are kernel code. */
export * from "../schema/index.ts";
export type {
  BloomAccess,
  CellAccess,
  EventSource,
  MapAccess,
  OutcomesAccess,
  PerCpuAccess,
  QueueAccess,
  Shared,
  UpdateMode,
  UserRingAccess,
} from "./access.ts";
export { entriesOf, jsonCodec, type MapCodecs, mapCodecs, schemaCodec } from "./codecs.ts";
export { type Compiled, isCompiled } from "./compiled.ts";
export type { Cursor, DevMapContext, RxHash, RxVlanTag, XdpContext } from "./context.ts";
export { exit, isSubprogram, type LoopStep, loop, range, subprogram, trace, unroll } from "./control.ts";
export {
  Foreign,
  type ForeignConstant,
  type ForeignCpu,
  type ForeignCpuMap,
  type ForeignDevice,
  type ForeignDevMap,
  type ForeignMap,
  type ForeignMapOfMaps,
  type ForeignPerCpuMap,
  type ForeignProgramArray,
  type ForeignQueue,
  type ForeignSamples,
  type ForeignVariable,
  type Given,
} from "./foreign.ts";
export { countersOf, withProgram } from "./handle-values.ts";
export * from "./helpers.ts";
export {
  type Intrinsic,
  type IntrinsicFacts,
  intrinsicOf,
  type KernelRuntime,
  withKernelRuntime,
} from "./intrinsic.ts";
export { mapShape } from "./map-shape.ts";
export {
  ArrayMap,
  BloomFilter,
  HashMap,
  type HashOptions,
  type IndexedOptions,
  isMapHandle,
  type KeyedOptions,
  LpmTrie,
  type LpmTrieOptions,
  LruHashMap,
  LruPerCpuHashMap,
  type MapDeclaration,
  MapHandle,
  type MapOptions,
  PerCpuArray,
  PerCpuHashMap,
  type PrefixKey,
  Queue,
  type QueueOptions,
  Stack,
} from "./maps.ts";
export { counterName, Outcomes } from "./outcomes.ts";
export {
  assign,
  atomic,
  type Cell,
  copyOf,
  equals,
  overlay,
  type Place,
  withLock,
} from "./place.ts";
export {
  type CpuMapProgram,
  cpuMapProgram,
  type DevMapProgram,
  devMapProgram,
  isForeignProgram,
  isProgram,
  type ProgramOptions,
  type ProgramSection,
  XdpAction,
  type XdpProgram,
  xdp,
} from "./program.ts";
export {
  describeFunction,
  type FunctionDescription,
  type FunctionKind,
  type NamedValue,
  nameOf,
  requireRegistered,
  type StagedModule,
} from "./registry.ts";
export { withSettings } from "./settings.ts";
export * from "./target-maps.ts";
export { type Binding, Global, global, Setting, setting, tracing } from "./variables.ts";
