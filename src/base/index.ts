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
  locate,
  problemOf,
  XdpkitError,
  xdpkitError,
} from "./error.ts";
export {
  type ErrorText,
  type Location,
  printCaret,
  printErrorText,
  printLocation,
  type SourceLocation,
} from "./error-text.ts";
export type { ErrorCode } from "./errors/catalogue.ts";
export { createLinearMemory, type LinearMemory } from "./host.ts";
export { callersFrame } from "./stack.ts";
