/** Puts every helper and kernel function into a machine. */
import { helperByName } from "../../uapi/index.ts";
import type { Machine } from "../machine.ts";
import { eventHelpers } from "./events.ts";
import { kernelFunctions } from "./kfuncs.ts";
import { mapHelpers } from "./maps.ts";
import { packetHelpers } from "./packet.ts";
import { systemHelpers } from "./system.ts";

export function installHelpers(machine: Machine): void {
  const tables = [mapHelpers(machine), packetHelpers(machine), systemHelpers(machine), eventHelpers(machine)];
  for (const [name, helper] of tables.flatMap((table) => Object.entries(table))) {
    machine.core.helpers[helperByName(name)!.id] = helper;
  }
  for (const [name, kfunc] of Object.entries(kernelFunctions(machine))) machine.addKernelFunction(name, kfunc);
}
