/**
 * Fuzz targets of isa, btf and object: whatever the bytes, an XdpkitError that is not our own bug, or a result.
 *
 * A target throws only on what a fuzzer must report: another exception, an INTERNAL code, a result that breaks its
 * own promise (what was read is written and read back the same).
 */
import { readdirSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { invariant, XdpkitError } from "../../src/base/index.ts";
import { type Btf, decodeValue, printBtf, readBtf, sizeOf, writeBtf } from "../../src/btf/index.ts";
import { decode, encode, parse, print } from "../../src/isa/index.ts";
import {
  applyCoreRelocations,
  assemble,
  type BpfObject,
  disassemble,
  link,
  printAssembly,
  readElf,
  writeElf,
} from "../../src/object/index.ts";
import type { FuzzTarget } from "./target.ts";

const folder = new URL("../../test/objects/", import.meta.url);

function objects(): Uint8Array[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".o"));
  return names.sort().map((name) => new Uint8Array(readFileSync(new URL(name, folder))));
}

const objectsRead = (): BpfObject[] => objects().map((bytes) => readElf(bytes));

/** Runs and lets errors of the catalogue pass; null when there was one. */
function tolerate<T>(run: () => T): T | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof XdpkitError && !error.code.startsWith("INTERNAL")) return null;
    throw error;
  }
}

/** A small target for CO-RE, so that a run stays quick. */
let kernel: Btf | undefined;
function kernelTypes(): Btf {
  kernel ??= readElf(new Uint8Array(readFileSync(new URL("core.o", folder)))).btf ?? { types: [{ kind: "void" }] };
  return kernel;
}

function runObject(bytes: Uint8Array): void {
  const object = tolerate(() => readElf(bytes, { name: "fuzz.o" }));
  if (!object) return;
  for (const { name, program } of object.functions) if (program) tolerate(() => link(object, name));
  tolerate(() => disassemble(object));
  tolerate(() => applyCoreRelocations(object, kernelTypes()));
  tolerate(() => assemble(printAssembly(object)));
  const written = tolerate(() => writeElf(object, { legacyMaps: "keep" }));
  if (written) tolerate(() => readElf(written));
}

function runBtf(bytes: Uint8Array): void {
  const btf = tolerate(() => readBtf(bytes));
  if (!btf) return;
  tolerate(() => printBtf(btf));
  const again = readBtf(writeBtf(btf));
  invariant(isDeepStrictEqual(again, btf), "BTF that was written reads back the same");
  for (let id = 1; id < Math.min(btf.types.length, 64); id++) {
    tolerate(() => {
      const size = sizeOf(btf, id);
      if (size <= 4096) decodeValue(btf, id, new Uint8Array(size));
    });
  }
}

function runDecode(bytes: Uint8Array): void {
  tolerate(() => decode(bytes));
  const instructions = tolerate(() => decode(bytes, { lenient: true }));
  if (!instructions) return;
  invariant(isDeepStrictEqual(encode(instructions), bytes), "instructions encode to the bytes they came from");
  const text = instructions.map((instruction) => print(instruction)).join("\n");
  invariant(isDeepStrictEqual(parse(text), instructions), "printed instructions parse to the same");
}

function runText(bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes);
  tolerate(() => parse(text));
  tolerate(() => assemble(text));
}

export const objectTargets: Record<string, FuzzTarget> = {
  elf: { seeds: objects, run: runObject },
  btf: {
    seeds: () => objectsRead().flatMap(({ btf }) => (btf ? [writeBtf(btf)] : [])),
    run: runBtf,
  },
  instructions: {
    seeds: () => objectsRead().flatMap(({ functions }) => functions.map(({ instructions }) => encode(instructions))),
    run: runDecode,
  },
  assembly: {
    seeds: () => objectsRead().map((object) => new TextEncoder().encode(printAssembly(object))),
    run: runText,
  },
};
