/**
 * Kernel modules that need Node's loader: the hook of xdpkit/register imports them, and the compiler is the one of the
 * package that they import. Stays out of the bundle of the command line.
 */
import { type CompileOptions, type CompileResult, compile, programsOf } from "../compiler/index.ts";
import { importModule } from "../register/index.ts";

type Exports = Readonly<Record<string, unknown>>;

export const evaluate = (file: string): Promise<Exports> => importModule(file);

export const programCount = (exports: Exports): number => programsOf(exports).length;

export const compileExports = (exports: Exports, options: CompileOptions): CompileResult =>
  compile(programsOf(exports), options);
