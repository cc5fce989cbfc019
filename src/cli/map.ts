/** `xdpkit map …`: options of the commands on maps of the running kernel. What they do is loaded when it is asked for. */
import type { Command } from "commander";
import { addNamespaceOption } from "./netns-option.ts";

const MAP = "a path where it is pinned, id:42, or its name";
const MODULE = "*.xdp.ts whose map of that name says what keys and values look like";

export function addMapCommand(program: Command): void {
  const map = program
    .command("map")
    .summary("show and change maps of the running kernel")
    .description("Shows and changes maps of the running kernel, with the field names of their BTF.");
  map
    .command("list")
    .description("Lists all maps, or one.")
    .argument("[map]", MAP)
    .option("--json", "print the list as JSON, with bpftool's names")
    .action(async (place, options) => (await import("./map-list.ts")).listMaps(place, options));
  addEntryCommands(map);
  addFileCommands(map);
}

function addEntryCommands(map: Command): void {
  map
    .command("dump")
    .description("Prints all entries.")
    .argument("<map>", MAP)
    .option("--module <file>", MODULE)
    .option("--json", "print entries as JSON, as import takes them")
    .action(async (place, options) => (await import("./map-entries.ts")).dumpMap(place, options));
  map
    .command("get")
    .description("Prints the value of a key; exit status 1 when the key is absent. Queues print the next value.")
    .argument("<map>", MAP)
    .argument("[key]", "JSON, or text")
    .option("--module <file>", MODULE)
    .option("--json", "print the value as JSON on one line")
    .action(async (place, key, options) => (await import("./map-entries.ts")).getEntry(place, key, options));
  const set = map
    .command("set")
    .description("Sets the value of a key; variables of global data that are not named stay. Queues take a value only.")
    .argument("<map>", MAP)
    .argument("<words...>", "key and value, each JSON or text")
    .option("--module <file>", MODULE)
    .option("--mode <mode>", "any, create (only when absent) or replace (only when present)", "any");
  addNamespaceOption(set).action(async (place, words, options) =>
    (await import("./map-entries.ts")).setEntry(place, words, options),
  );
  map
    .command("delete")
    .description("Deletes a key; exit status 1 when it is absent.")
    .argument("<map>", MAP)
    .argument("<key>", "JSON, or text")
    .option("--module <file>", MODULE)
    .action(async (place, key, options) => (await import("./map-entries.ts")).deleteEntry(place, key, options));
}

function addFileCommands(map: Command): void {
  map
    .command("export")
    .description("Writes all entries to a JSON file, one a line.")
    .argument("<map>", MAP)
    .argument("<file>", "the file; - for standard output")
    .option("--module <file>", MODULE)
    .action(async (place, file, options) => (await import("./map-transfer.ts")).exportMap(place, file, options));
  const read = map
    .command("import")
    .description('Sets the entries of a JSON file: [{"key": …, "value": …}, …]. Other entries stay.')
    .argument("<map>", MAP)
    .argument("<file>", "the file; - for standard input")
    .option("--module <file>", MODULE)
    .option("--json", "print the number of entries as JSON");
  addNamespaceOption(read).action(async (place, file, options) =>
    (await import("./map-transfer.ts")).importMap(place, file, options),
  );
}
