/** A kernel module whose constants give their handles names. */
import { global, HashMap, Outcomes, u32, XdpAction, xdp } from "../../src/lang/index.ts";

export const sids = new HashMap({ key: u32, value: u32, maxEntries: 8 });
export const outcomes = new Outcomes(["passed"]);
export const limit = global(u32, 3);
export const pass = xdp(() => XdpAction.Pass);
