/** Functions and classes of xdpkit that make declarations, or that programs in user space call: kernel code has none of them. */
import * as lang from "../../lang/index.ts";
import * as packet from "../../packet/index.ts";

const FUNCTIONS: ReadonlySet<unknown> = new Set(
  [...Object.values(lang), ...Object.values(packet)].filter((value) => typeof value === "function"),
);

/** Asked of what the compiler has no other meaning for: intrinsics, casts and structs are exported beside them. */
export const isUserSpace = (value: object): boolean => FUNCTIONS.has(value) && !lang.isSchema(value);
