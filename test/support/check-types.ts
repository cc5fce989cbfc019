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
  const program = ts.createProgram([...files.keys()], OPTIONS, hostOf(OPTIONS, files));
  return firstErrors(program, [...files.keys()], `${ROOT}test/`);
}

/** The same of the files that a tsconfig.json includes; what they import is checked where it is at home. */
export function typeErrorsOfProject(configFile: string): Map<string, string> {
  const fail = (diagnostic: ts.Diagnostic): never => {
    throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, " "));
  };
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: fail };
  const config = ts.getParsedCommandLineOfConfigFile(`${ROOT}${configFile}`, {}, host)!;
  for (const error of config.errors) fail(error);
  const program = ts.createProgram(config.fileNames, config.options, hostOf(config.options, new Map()));
  for (const error of program.getOptionsDiagnostics()) fail(error);
  return firstErrors(program, config.fileNames, ROOT);
}

function firstErrors(program: ts.Program, files: readonly string[], folder: string): Map<string, string> {
  const errors = new Map<string, string>();
  for (const file of files) {
    const [first] = ts.getPreEmitDiagnostics(program, program.getSourceFile(file));
    if (first) errors.set(file.slice(folder.length), ts.flattenDiagnosticMessageText(first.messageText, " "));
  }
  return errors;
}

/** Files of the disk, parsed and bound once for all programs with the same options. */
const parsed = new Map<string, ts.SourceFile | undefined>();

function hostOf(options: ts.CompilerOptions, files: ReadonlyMap<string, string>): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const folders = new Set([...files.keys()].map(dirname));
  const key = JSON.stringify(options);
  return {
    ...host,
    getCurrentDirectory: () => ROOT,
    fileExists: (file) => files.has(file) || host.fileExists(file),
    directoryExists: (folder) => folders.has(folder) || (host.directoryExists?.(folder) ?? true),
    readFile: (file) => files.get(file) ?? host.readFile(file),
    getSourceFile: (file, ...rest) => {
      const text = files.get(file);
      if (text !== undefined) return ts.createSourceFile(file, text, rest[0], true);
      const name = `${file} ${key}`;
      if (!parsed.has(name)) parsed.set(name, host.getSourceFile(file, ...rest));
      return parsed.get(name);
    },
  };
}
