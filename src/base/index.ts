/** base: errors and their catalogue, byte access. Imports nothing. */
export {
  alignUp,
  ByteReader,
  concatBytes,
  equalBytes,
  parseHex,
  plainBytes,
  printHex,
  type ShortRead,
  u32Bytes,
} from "./bytes.ts";
export {
  type ErrorContext,
  type ErrorParameters,
  inEntry,
  invariant,
  type Location,
  locate,
  printLocation,
  type SourceLocation,
  XdpkitError,
  xdpkitError,
} from "./error.ts";
export type { ErrorCode } from "./errors/catalogue.ts";
export { createLinearMemory, type LinearMemory } from "./host.ts";
