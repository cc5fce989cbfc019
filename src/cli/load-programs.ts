/** `xdpkit load`: programs into the kernel, held by pins when the command has ended. */
import { closeSync, existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { xdpkitError } from "../base/index.ts";
import {
  autoloadedPrograms,
  Loaded,
  makePinFolder,
  mapInfo,
  openPinOf,
  pin,
  programInfo,
  replacePin,
} from "../kernel/index.ts";
import type { BpfObject } from "../object/index.ts";
import { mapTypeName } from "../uapi/index.ts";
import { inFile } from "./files.ts";
import { type FillOptions, prepareFill } from "./kernel-fill.ts";
import { errorToJson } from "./print-error.ts";
import { chooseProgram, readProgramFile } from "./program-file.ts";
import { loading, type VerifierLogOption } from "./verifier-log.ts";

export interface LoadCommandOptions extends VerifierLogOption, FillOptions {
  readonly program?: string;
  readonly pinAllMaps?: boolean;
  readonly replace?: boolean;
  readonly json?: boolean;
}

/** @throws XdpkitError KERNEL_PIN before anything is loaded when a program is pinned there; what `load` throws */
export async function load(file: string, folder: string, options: LoadCommandOptions): Promise<void> {
  const result = await loading(file, options, () => loadInto(file, folder, options));
  process.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : print(result));
}

async function loadInto(file: string, folder: string, options: LoadCommandOptions): Promise<Result> {
  const read = await readProgramFile(file);
  const { object, fill } = await prepareFill(read, file, options);
  const { program, replace = false } = options;
  const programs = program === undefined ? autoloadedPrograms(object) : [chooseProgram(object, program, file)];
  if (programs.length === 0)
    throw xdpkitError("CLI_NO_PROGRAM", { name: "", known: [] }, { at: { kind: "file", file } });
  const taken = programs.map((name) => join(folder, name)).filter((path) => existsSync(path));
  for (const path of taken) requireReplaceable(path, replace);
  const given = options.pinAllMaps ? withPinnedMaps(object) : object;
  using loaded = await inFile(file, () => new Loaded(given, { programs, pinPath: folder, fill }, read.names));
  loaded.commit(() => {
    makePinFolder(folder);
    for (const name of programs) {
      const [{ fd }, path] = [loaded.program(name), join(folder, name)];
      if (existsSync(path)) replacePin(fd, path);
      else pin(fd, path);
    }
  });
  return describe(loaded, programs, folder);
}

/** Only a program gives way to a program. @throws XdpkitError KERNEL_PIN */
function requireReplaceable(path: string, replace: boolean): void {
  const occupied = (hint: string) =>
    xdpkitError(
      "KERNEL_PIN",
      { action: "pin", path, errno: statSync(path).isDirectory() ? "EISDIR" : "EEXIST" },
      { hint },
    );
  if (!replace) throw occupied("add --replace, or take another folder");
  const wrong = () => occupied("what has this name is no program: take another folder, or remove it");
  if (statSync(path).isDirectory()) throw wrong();
  const fd = openPinOf("program", path, wrong);
  if (fd !== undefined) closeSync(fd);
}

type Result = ReturnType<typeof describe>;

/** Names of global data have dots, which a bpf file system does not take. */
function withPinnedMaps(object: BpfObject): BpfObject {
  return { ...object, maps: object.maps.map((map) => (map.data ? map : { ...map, pinByName: true })) };
}

function describe(loaded: Loaded, programs: readonly string[], folder: string) {
  return {
    programs: programs.map((name) => {
      const { id, tag } = programInfo(loaded.program(name));
      return { id, name, tag, pin: join(folder, name) };
    }),
    maps: Array.from(loaded.maps, ({ fd, definition: { name, type, pinByName } }) => ({
      id: mapInfo(fd).id,
      name,
      type: mapTypeName(type)?.toLowerCase() ?? `type ${type}`,
      ...(pinByName ? { pin: join(folder, name), reused: loaded.reused.has(name) } : {}),
    })),
    ...(loaded.btfRefusal ? { warning: errorToJson(loaded.btfRefusal) } : {}),
  };
}

function print({ programs, maps, warning }: Result): string {
  return [
    ...programs.map(({ id, name, tag, pin }) => `program ${id} ${name}, tag ${tag}, pinned at ${pin}\n`),
    ...maps.map(({ id, name, type, pin, reused }) => {
      const where = pin === undefined ? "" : `, ${reused ? "that was pinned at" : "pinned at"} ${pin}`;
      return `map ${id} ${name}, ${type}${where}\n`;
    }),
    ...(warning ? [`${warning.message}: ${warning.hint}\n`] : []),
  ].join("");
}
