/** Program types (include/uapi/linux/bpf.h). */
import { PROGRAM_TYPES } from "./program-types.gen.ts";

export type ProgramTypeName = (typeof PROGRAM_TYPES)[number]["name"];

/** `ProgramType.XDP` is 6: `enum bpf_prog_type` by name. */
export const ProgramType = Object.fromEntries(PROGRAM_TYPES.map(({ name, id }) => [name, id])) as Readonly<
  Record<ProgramTypeName, number>
>;

const names = new Map<number, ProgramTypeName>(PROGRAM_TYPES.map(({ name, id }) => [id, name]));
export const programTypeName = (type: number): ProgramTypeName | undefined => names.get(type);
