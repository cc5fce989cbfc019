/** `xdpkit/errors`: what xdpkit throws, for code that catches it, and for data planes that throw errors of their own. */
export {
  type ErrorCode,
  type Location,
  printErrorText,
  printLocation,
  problemOf,
  type SourceLocation,
  XdpkitError,
} from "./base/index.ts";
