/** The objects that tests read: those of this folder, and those that Debian's xdp-tools installs. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const DEBIAN_FOLDER = "/usr/lib/x86_64-linux-gnu/bpf";

export interface CorpusFile {
  /** `router.o` */
  readonly name: string;
  readonly path: string;
}

function objectsIn(folder: string): CorpusFile[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".o"));
  return names.sort().map((name) => ({ name, path: join(folder, name) }));
}

export const ownObjects: readonly CorpusFile[] = objectsIn(here);
/** Empty where xdp-tools are not installed. */
export const debianObjects: readonly CorpusFile[] = objectsIn(DEBIAN_FOLDER);
export const allObjects: readonly CorpusFile[] = [...ownObjects, ...debianObjects];

/** Compiled for `bpfeb`: read, not written. */
export const isBigEndian = ({ name }: CorpusFile): boolean => name.endsWith("-be.o");

export function readObjectFile(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(here, basename(name))));
}

export function readFile({ path }: CorpusFile): Uint8Array {
  return new Uint8Array(readFileSync(path));
}
