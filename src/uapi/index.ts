/** uapi: numbers that the kernel fixes for user space: helpers, map types, program types, flags, error numbers. */
export { errno, errnoName } from "./errno.ts";
export { FibResult, type FibResultName, fibResultName } from "./fib.ts";
export { type HelperFact, helperById, helperByName } from "./helpers.ts";
export { isMapField, type MapFieldName, refusedFields } from "./map-fields.ts";
export { type MapRefusal, type MapShape, refusedMap, ringBufferSize } from "./map-rules.ts";
export {
  MapFlag,
  MapType,
  type MapTypeName,
  mapTypeName,
  mapTypeSince,
  PER_CPU_MAP_TYPES,
  STORAGE_MAP_TYPES,
  TYPED_MAP_TYPES,
  UpdateFlag,
  updateFlags,
  VALUE_MAP_TYPES,
} from "./maps.ts";
export { ProgramType, programTypeName } from "./programs.ts";
export { XdpAction, type XdpActionName, xdpActionName } from "./xdp.ts";
