/** Capture files as streams. */
export { type CapturedPacket, readCapture } from "./capture.ts";
export type { ByteSource } from "./chunks.ts";
export {
  MAX_RECORD_LENGTH,
  type PacketToWrite,
  type PcapHeader,
  type PcapPacket,
  type PcapRecord,
  type PcapWriteOptions,
  readPcap,
  writePcap,
} from "./pcap.ts";
export {
  type InterfaceOption,
  type PacketOption,
  type SectionOption,
  type Verdict,
  VerdictType,
  valuesOf,
} from "./pcapng-options.ts";
export { MAX_BLOCK_LENGTH, readPcapng } from "./pcapng-read.ts";
export type {
  PcapngBlock,
  PcapngInterface,
  PcapngPacket,
  PcapngRecord,
  PcapngRecordRead,
  PcapngSection,
} from "./pcapng-records.ts";
export { PcapngWriter, writePcapng } from "./pcapng-write.ts";
