/**
 * From a `*.xdp.ts` on disk to an object: the module is evaluated here, and its programs compiled.
 *
 * Modules that need Node's loader (packages, import cycles) go through with-loader.ts instead, which has copies of the
 * package of its own; only plain data comes back. Invariant: places carry the file's name as seen from here.
 */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type Location, type SourceLocation, XdpkitError, xdpkitError } from "../base/index.ts";
import type { Compiled, CompileOptions, CompileResult } from "../compiler/index.ts";
import type { BpfObject } from "../object/index.ts";
import type { ModuleGraph } from "../register/index.ts";
import { fileError, readText } from "./files.ts";
import { Refusal } from "./refusal.ts";

export const isModuleFile = (file: string): boolean => /\.[cm]?ts$|\.xdp\.[cm]?js$/.test(file);

/** As messages and line information name a file: from the working directory where it lies below. */
export function shownName(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith("..") ? file : path;
}

/** @throws Refusal for what the compiler refuses; XdpkitError CLI_FILE, CLI_NO_EXPORTS */
export async function compileFile(file: string, options: CompileOptions = {}): Promise<Compiled> {
  await readText(file);
  const { readGraph } = await import("../register/index.ts");
  const graph = attempt(() => readGraph(file, shownName));
  const exports = graph.needsLoader === undefined ? await evaluate(graph) : undefined;
  const { object, names, diagnostics } = exports
    ? await compileExports(exports, file, options)
    : await compileWithLoader(file, options);
  if (object) return { object, names };
  throw new Refusal(diagnostics.map(adopted));
}

/** Syntax and imports are the compiler's business, too. */
function attempt<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof XdpkitError) throw new Refusal([error]);
    throw (error as NodeJS.ErrnoException).code?.startsWith("E")
      ? fileError("read", (error as NodeJS.ErrnoException).path ?? "", error)
      : error;
  }
}

async function evaluate(graph: ModuleGraph): Promise<Readonly<Record<string, unknown>>> {
  const { evaluateGraph } = await import("../register/index.ts");
  try {
    return await evaluateGraph(graph, {
      xdpkit: () => import("../lang/index.ts"),
      "xdpkit/packet": () => import("../packet/index.ts"),
      "xdpkit/walk": () => import("../lang/walk.xdp.ts"),
    });
  } catch (thrown) {
    throw new Refusal([await thrownBy(thrown)]);
  }
}

async function compileExports(
  exports: Readonly<Record<string, unknown>>,
  file: string,
  options: CompileOptions,
): Promise<CompileResult> {
  const { compile, programsOf } = await import("../compiler/index.ts");
  const programs = programsOf(exports);
  if (programs.length === 0) throw await noExports(exports, file);
  return compile(programs, options);
}

async function compileWithLoader(file: string, options: CompileOptions): Promise<CompileResult> {
  const loader = await import("./with-loader.ts");
  const exports = await loader.evaluate(file).catch(async (thrown: unknown) => {
    throw new Refusal([await thrownBy(thrown)]);
  });
  if (loader.programCount(exports) === 0) throw await noExports(exports, file);
  const result = loader.compileExports(exports, options);
  return result.object ? { ...result, object: withShownFiles(result.object) } : result;
}

async function noExports(exports: Readonly<Record<string, unknown>>, file: string): Promise<XdpkitError> {
  const { isForeignProgram } = await import("../lang/index.ts");
  const at = { kind: "file", file } as const;
  if (Object.values(exports).some(isForeignProgram)) return xdpkitError("CLI_TWO_COPIES", {}, { at });
  return xdpkitError("CLI_NO_EXPORTS", { known: Object.keys(exports) }, { at });
}

/** Line information with the names of files as seen from here. */
function withShownFiles(object: BpfObject): BpfObject {
  const functions = object.functions.map((one) => ({
    ...one,
    lines: one.lines.map((line) => ({ ...line, file: shownName(line.file) })),
  }));
  return { ...object, functions };
}

/** An error of another copy of the package, as one of ours. */
function adopted(error: XdpkitError): XdpkitError {
  const { code, problem, at, hint, cause } = error;
  return new XdpkitError(code, problem, { at: at && shownPlace(at), hint, cause });
}

const shownPlace = (at: Location): Location => (at.kind === "source" ? { ...at, file: shownName(at.file) } : at);

/** What the statements of a module threw, at the line that its stack names. */
async function thrownBy(thrown: unknown): Promise<XdpkitError> {
  const isOurs = (thrown as Error | undefined)?.name === "XdpkitError";
  const at = (isOurs ? (thrown as XdpkitError).at : undefined) ?? (await placeInStack(thrown));
  if (!isOurs) return xdpkitError("STAGE_THROWN", { what: String(thrown) }, { at, cause: thrown });
  const { code, problem, hint } = thrown as XdpkitError;
  return new XdpkitError(code, problem, { at, hint, cause: thrown });
}

/** The topmost frame in TypeScript. Columns of instrumented text are not the source's. */
async function placeInStack(thrown: unknown): Promise<SourceLocation | undefined> {
  const [, url, line] =
    /(file:\/\/[^\s()]*?\.[cm]?ts):(\d+):\d+/.exec((thrown as Error | undefined)?.stack ?? "") ?? [];
  if (url === undefined) return undefined;
  const file = fileURLToPath(url);
  const text = (await readText(file).catch(() => "")).split("\n")[Number(line) - 1] ?? "";
  return { kind: "source", file: shownName(file), line: Number(line), column: 0, text };
}
