/** The same, in a module that only Node's loader can import. */
import { platform } from "node:os";

export const where = platform();
export * from "./filled.xdp.ts";
