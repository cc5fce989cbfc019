/** Programs as the compiler takes them. */
import type { ProgramSection } from "../lang/index.ts";

/** What `xdp()`, `devMapProgram()` or `cpuMapProgram()` returned. */
export interface CompilableProgram {
  /** At most 15 characters; empty: that of the exported constant. */
  readonly name: string;
  /** Section of the object. */
  readonly section: ProgramSection;
  /** As given to `xdp()`. */
  readonly options: {
    readonly target?: string;
    readonly license?: string;
    readonly fragments?: boolean;
    readonly deviceBound?: boolean;
  };
  /** What is compiled. It never runs in JavaScript. */
  readonly body: (ctx: never) => number;
}
