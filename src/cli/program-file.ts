/** The program argument of a command: a `*.xdp.ts` or an ELF object, and which of its programs. */
import { xdpkitError } from "../base/index.ts";
import { type BpfObject, type MapFill, readElf } from "../object/index.ts";
import { xdpPrograms } from "../vm/index.ts";
import { compileFile, isModuleFile } from "./compile-file.ts";
import { inFile, readBytes } from "./files.ts";
import { readFill } from "./fill-file.ts";

/** What a file's first bytes say it is, when it is no ELF object. */
const MAGICS: readonly (readonly [text: string, magic: readonly number[]])[] = [
  ["a pcap file", [0xd4, 0xc3, 0xb2, 0xa1]],
  ["a pcap file", [0xa1, 0xb2, 0xc3, 0xd4]],
  ["a pcapng file", [0x0a, 0x0d, 0x0d, 0x0a]],
  ["an LLVM bitcode file", [0x42, 0x43, 0xc0, 0xde]],
  ["a gzip file", [0x1f, 0x8b]],
];
const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];

const startsWith = (bytes: Uint8Array, magic: readonly number[]): boolean =>
  magic.every((byte, index) => bytes[index] === byte);

function describe(bytes: Uint8Array): string {
  if (bytes.length === 0) return "an empty file";
  const known = MAGICS.find(([, magic]) => startsWith(bytes, magic));
  if (known) return known[0];
  return bytes.subarray(0, 512).every((byte) => byte >= 9 && byte < 127) ? "a text file" : "something else";
}

/** An object; of a module also what its handles are called there; of an ELF file the entries that stand beside it. */
export interface ProgramFile {
  readonly object: BpfObject;
  readonly names: ReadonlyMap<object, string>;
  readonly fills: readonly MapFill[];
}

/**
 * Reads an object, or compiles a module.
 *
 * @throws XdpkitError CLI_FILE, CLI_NOT_AN_OBJECT, OBJECT_FILL, OBJECT_FILL_STALE, and what `readElf` throws, each with the
 *   file's name; Refusal
 */
export async function readProgramFile(file: string): Promise<ProgramFile> {
  if (isModuleFile(file)) return { ...(await compileFile(file)), fills: [] };
  const bytes = await readBytes(file);
  if (!startsWith(bytes, ELF_MAGIC)) {
    throw xdpkitError("CLI_NOT_AN_OBJECT", { found: describe(bytes) }, { at: { kind: "file", file } });
  }
  const object = await inFile(file, () => readElf(bytes, { name: file }));
  return { object, names: new Map(), fills: await readFill(file, bytes, object) };
}

/**
 * The one XDP program of the object, or the one that was named. `second`: programs of device and CPU maps may be named, too,
 * which run but are not attached to an interface.
 */
export function chooseProgram(object: BpfObject, wanted: string | undefined, file: string, second = false): string {
  const known = xdpPrograms(object);
  const at = { kind: "file", file } as const;
  const name = wanted ?? (known.length === 1 ? known[0] : undefined);
  if (name === undefined && known.length > 1) throw xdpkitError("CLI_SEVERAL_PROGRAMS", { known }, { at });
  const named = second && object.functions.some((one) => one.name === wanted && one.program?.kind.startsWith("xdp"));
  if (name === undefined || !(known.includes(name) || named)) {
    throw xdpkitError("CLI_NO_PROGRAM", { name: name ?? "", known }, { at });
  }
  return name;
}
