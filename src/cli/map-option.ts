/** `--map NAME=FILE` of the commands that load programs: run, load, attach. */
import type { Command } from "commander";
import { collect } from "./repeated-option.ts";

export const addMapOption = (command: Command): Command =>
  command.option("--map <name=file>", "entries for a map, or values for variables (repeatable)", collect, []);
