/** Programs as the compiler takes them. */
import type { ProgramSection } from "../lang/index.ts";

/** What `xdp()`, `devMapProgram()` or `cpuMapProgram()` returned. */
export interface CompilableProgram {
  readonly name: string;
  readonly section: ProgramSection;
  readonly options: {
    readonly target?: string;
    readonly license?: string;
    readonly fragments?: boolean;
    readonly deviceBound?: boolean;
  };
  readonly body: (ctx: never) => number;
}
