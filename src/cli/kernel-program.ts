/** The program argument of commands that work on the kernel: `id:42`, a pinned path, a `*.xdp.ts` or an ELF object. */
import { xdpkitError } from "../base/index.ts";
import { isInBpfFileSystem, KernelProgram, Loaded, openById, openPinOf, programInfo } from "../kernel/index.ts";
import { inFile } from "./files.ts";
import { type FillOptions, prepareFill } from "./kernel-fill.ts";
import { chooseProgram, readProgramFile } from "./program-file.ts";
import { loading, type VerifierLogOption } from "./verifier-log.ts";

/** A program in the kernel, held as long as it is not disposed of. */
export interface OpenProgram extends Disposable {
  readonly program: KernelProgram;
}

export interface LoadingOptions extends VerifierLogOption, FillOptions {
  /** Which program, when a file holds several. */
  readonly program?: string;
  /** Folder of the maps that are pinned by name. */
  readonly pinMaps?: string;
}

/** @throws XdpkitError CLI_NO_PROGRAM_ID, CLI_NOT_A_PROGRAM, and what `readProgramFile` throws; Refusal */
export async function openKernelProgram(argument: string, options: LoadingOptions): Promise<OpenProgram> {
  const { program, verifierLog } = options;
  const [, id] = /^id:(\d+)$/.exec(argument) ?? [];
  const isThere = id !== undefined || isInBpfFileSystem(argument);
  if (!isThere) return loading(argument, options, () => loadFile(argument, options));
  if (program !== undefined)
    throw xdpkitError("CLI_USAGE", {
      problem: `--program is for files that hold several programs, not for ${argument}`,
    });
  if (options.map.length > 0)
    throw xdpkitError("CLI_USAGE", {
      problem: `--map is for programs that are loaded, not for ${argument}: xdpkit map import fills maps that are there`,
    });
  if (verifierLog !== undefined)
    throw xdpkitError("CLI_USAGE", {
      problem: `--verifier-log is for programs that are loaded, not for ${argument}`,
    });
  return opened(id === undefined ? openPinned(argument) : openId(Number(id)));
}

function openId(id: number): number {
  const fd = id > 0 && id <= 0xffffffff ? openById("program", id) : undefined;
  if (fd === undefined) throw xdpkitError("CLI_NO_PROGRAM_ID", { id });
  return fd;
}

function openPinned(path: string): number {
  const at = { kind: "file", file: path } as const;
  const wrong = (kind = "something else") => xdpkitError("CLI_NOT_A_PROGRAM", { kind }, { at });
  const fd = openPinOf("program", path, wrong);
  if (fd === undefined) throw wrong();
  return fd;
}

function opened(fd: number): OpenProgram {
  const program = new KernelProgram(fd, programInfo({ fd }).name);
  return { program, [Symbol.dispose]: () => program[Symbol.dispose]() };
}

async function loadFile(file: string, options: LoadingOptions): Promise<OpenProgram> {
  const read = await readProgramFile(file);
  const name = chooseProgram(read.object, options.program, file);
  const { object, fill } = await prepareFill(read, file, options);
  const { pinMaps: pinPath } = options;
  const load = { programs: [name], fill, ...(pinPath === undefined ? {} : { pinPath }) };
  const loaded = await inFile(file, () => new Loaded(object, load, read.names));
  return { program: loaded.program(name), [Symbol.dispose]: () => loaded[Symbol.dispose]() };
}
