/** What stock `tsc --strict` says of modules that are only text. They import from "xdpkit" and its kin by name. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const source = (file: string): string[] => [`${ROOT}src/${file}`];

const OPTIONS: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  allowImportingTsExtensions: true,
  target: ts.ScriptTarget.ES2022,
  lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
  module: ts.ModuleKind.NodeNext,
  types: ["node"],
  paths: {
    xdpkit: source("lang/index.ts"),
    "xdpkit/kernel": source("kernel/index.ts"),
    "xdpkit/object": source("object/index.ts"),
    "xdpkit/packet": source("packet/index.ts"),
    "xdpkit/vm": source("vm/index.ts"),
    "xdpkit/walk": source("lang/walk.xdp.ts"),
  },
};

/** The first error of each text, by the name of its file; nothing of those that tsc accepts. */
export function typeErrors(texts: ReadonlyMap<string, string>): Map<string, string> {
  const files = new Map([...texts].map(([name, text]) => [`${ROOT}test/${name}`, text]));
  const program = ts.createProgram([...files.keys()], OPTIONS, hostOf(files));
  const errors = new Map<string, string>();
  for (const [file] of files) {
    const [first] = ts.getPreEmitDiagnostics(program, program.getSourceFile(file));
    if (first) errors.set(file.slice(`${ROOT}test/`.length), ts.flattenDiagnosticMessageText(first.messageText, " "));
  }
  return errors;
}

function hostOf(files: ReadonlyMap<string, string>): ts.CompilerHost {
  const host = ts.createCompilerHost(OPTIONS);
  const folders = new Set([...files.keys()].map(dirname));
  return {
    ...host,
    getCurrentDirectory: () => ROOT,
    fileExists: (file) => files.has(file) || host.fileExists(file),
    directoryExists: (folder) => folders.has(folder) || (host.directoryExists?.(folder) ?? true),
    readFile: (file) => files.get(file) ?? host.readFile(file),
    getSourceFile: (file, ...rest) => {
      const text = files.get(file);
      return text === undefined ? host.getSourceFile(file, ...rest) : ts.createSourceFile(file, text, rest[0], true);
    },
  };
}
