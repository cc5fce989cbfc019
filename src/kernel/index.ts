/** kernel: direct access to the running kernel: bpf(2). */
export { type AttachOptions, attachXdp } from "./attach.ts";
export { type Attachment, describeAttachment, listAttachments } from "./attachments.ts";
export { pinThread, possibleCpus } from "./cpu.ts";
export { type Detached, type DetachOptions, detachXdp } from "./detach.ts";
export { activeOffloads, channels, type DeviceFeatures, deviceFeatures, driverOf } from "./device.ts";
export type { Finding } from "./doctor/finding.ts";
export { examineHost } from "./doctor/host.ts";
export { examineInterface } from "./doctor/interface.ts";
export {
  FEATURES,
  type Feature,
  type FeatureName,
  hasFeature,
  hasHelper,
  hasKernelFunction,
  hasMapType,
  XDP_MAP_TYPES,
} from "./features.ts";
export { lockFolder } from "./folder-lock.ts";
export { KernelHandles, type LoadedMaps } from "./handles.ts";
export {
  type AttachedProgram,
  findInterface,
  listInterfaces,
  type NetworkInterface,
  tryFindInterface,
  type XdpMode,
} from "./interfaces.ts";
export { bpfMounts, findLinkHolders, type LinkHolders } from "./link-holders.ts";
export { KernelLink, type LinkInfo, listLinks, openLink, openPinnedLink } from "./links.ts";
export { LoadedObject, type LoadObjectOptions } from "./load.ts";
export { autoloadedPrograms, Loaded, type LoadOptions, load } from "./loaded.ts";
export { BloomAccess, EntryAccess, QueueAccess } from "./map-access.ts";
export type { Batch, EntryBytes } from "./map-batch.ts";
export { foreignCodecs, type MapInfo, mapIds, mapInfo, openMapById, openPinnedMap } from "./map-info.ts";
export { KernelMap, tryCreateMap } from "./maps.ts";
export { type Migration, migration } from "./migration.ts";
export { enterNamespace, inNamespace, namespaceNames } from "./namespace.ts";
export { mayOpenByIds, openById, openPinOf } from "./object-info.ts";
export { PerfReader } from "./perf-array.ts";
export { isInBpfFileSystem, makePinFolder, openPin, pin, replacePin } from "./pins.ts";
export { enableStatistics, type ProgramInfo, programInfo, programInfoById } from "./program-info.ts";
export {
  KernelProgram,
  type LiveRunOptions,
  type LoadProgramOptions,
  loadProgram,
  type TestRunOptions,
  type TestRunResult,
} from "./programs.ts";
export { type RecordSource, Records } from "./records.ts";
export { RingReader, RingWriter } from "./ring-buffer.ts";
export {
  findNeighbour,
  keepNeighbour,
  listRules,
  type Neighbour,
  type NeighbourState,
  type NetworkChange,
  type ResolvedRoute,
  type RouteType,
  type Rule,
  type RuleSelector,
  resolveRoute,
  watchNetwork,
} from "./routing.ts";
export { targetCodec } from "./target-codecs.ts";
export { openTrace, type TraceLine, type TraceStream } from "./trace-pipe.ts";
export type { ProgramDescriptor, Upgrade } from "./upgrade.ts";
export { LinkAttachment, NetlinkAttachment, type XdpLink } from "./xdp-link.ts";
