/**
 * Reads the log that the kernel's verifier writes about a program that it refuses (kernel/bpf/log.c, verifier.c).
 *
 *   ; if (eth + 1 > end)                                 a line of the source
 *   12: (61) r0 = *(u32 *)(r2 +14)        ; R2=pkt(r=0)  a slot, and the registers that it changed
 *   from 5 to 9: R1=ctx() R10=fp0                        another path begins, with all registers
 *   invalid access to packet, off=14 size=4, …           sentences: why not
 *   processed 13 insns (limit 1000000) …                 statistics
 *
 * What differs between kernels is how registers are written: `R2=pkt(id=0,off=14,r=14,imm=0)` and `R3=inv(id=0)` up to
 * Linux 5.17, `R2=pkt(off=14,r=14)` and `R3=scalar()` since; `R2_w=…` where the instruction wrote it, up to 6.17; on a line
 * of their own, `12: R1=…`, before the second `(op)` line that they belong to. Since Linux 7.3 (kernel/bpf/diagnostics.c) a
 * report in paragraphs follows many sentences: `Verification failed: CATEGORY: PROBLEM`, then `Reason:`, `At:`,
 * `Causal path:`, `Suggestion:`. The sentences before it are as they were; its `At:` names the slot where no path does.
 *
 * Invariant: every text can be read. What is not found is absent.
 */

export interface VerifierLog {
  /** The kernel's sentences about the refusal, in their order. Empty when the log has none. */
  readonly sentences: readonly string[];
  /** Slot of the instruction at fault, counted through the linked program. */
  readonly slot?: number;
  /** Instructions that the verifier followed on all paths. */
  readonly processed?: number;
  /** The lines before the sentences. */
  readonly path: readonly string[];
}

const INSTRUCTION = /^(\d+): \([0-9a-f]{2}\) |^(\d+): BUG_[0-9a-f]{2}/;
const REPORT = /^Verification failed: [^:]+: (.+)$/;
/** In sentences about the shape of the program, which belong to no path. */
const NAMED_SLOT = /\binsn (\d+)/;

/** What stands beside sentences: source lines, states of registers, notes about precision, other paths, statistics. */
const NOISE = new RegExp(
  `^(?:${[
    ";",
    "\\s*(?:\\d+: )?(?:frame ?\\d+: ?)?(?:R\\d+|fp-\\d+)(?:_[a-zA-Z]+)?=",
    "\\d+: (?:safe$|frame\\d+: |$)",
    "from \\d+ to \\d+",
    "(?:cur|old) state:",
    "func#\\d+ @\\d+|reg type unsupported for arg#|Type info disagrees with actual arguments",
    "(?:Validating|Func#\\d+) .*(?:\\.\\.\\.|valid\\.|prototype)$",
    "mark_precise: |propagating |regs=|last_idx |parent (?:state |didn't|already)|first_idx |falling back to forcing",
    "(?:caller|callee|returning from callee|to caller at \\d+):?",
    "Live regs before insn|\\s+\\d+: [.0-9]{10,} ",
    "processed \\d+ insns|verification time |stack depth |max_states_per_insn",
  ].join("|")})`,
);
const isNoise = (line: string): boolean => line.trim() === "" || NOISE.test(line);

export function readVerifierLog(log: string): VerifierLog {
  const lines = log.split("\n").flatMap(separate);
  const processed = lines.findLast((line) => line.startsWith("processed "))?.match(/\d+/)?.[0];
  const reportAt = lines.findIndex((line) => REPORT.test(line));
  const before = reportAt < 0 ? lines : lines.slice(0, reportAt);
  const instructionAt = before.findLastIndex((line) => INSTRUCTION.test(line));
  const said = before.slice(instructionAt + 1).filter((line) => !isNoise(line));
  const report = reportAt < 0 ? [] : lines.slice(reportAt);
  const sentences = said.length > 0 ? said : report.slice(0, 1).map((line) => line.replace(REPORT, "$1"));
  const slot = slotOf(before[instructionAt], sentences, report);
  return {
    sentences: sentences.map((line) => line.trim()),
    ...(slot === undefined ? {} : { slot }),
    ...(processed === undefined ? {} : { processed: Number(processed) }),
    path: before.slice(0, instructionAt + 1),
  };
}

/** Some sentences begin behind an instruction, and some end without a new line. */
const GLUED =
  /(?<=^\d+: \([0-9a-f]{2}\) .*) (?=infinite loop detected |BPF program is too large|The sequence of )|(?<=\S)(?=processed \d+ insns )/;
const separate = (line: string): string[] =>
  /infinite|too large|sequence of|processed /.test(line) ? line.split(GLUED) : [line];

/** A sentence that names its slot knows best; then the report; then where the path ends. */
function slotOf(
  instruction: string | undefined,
  sentences: readonly string[],
  report: readonly string[],
): number | undefined {
  const named = sentences.map((line) => NAMED_SLOT.exec(line)?.[1]).find((one) => one !== undefined);
  const reported = report
    .map((line) => /^\s+(?:insn (\d+)$|.*>>>\s+(\d+) \| \([0-9a-f]{2}\) )/.exec(line))
    .find((match) => match !== null);
  const [, known, unknown] = INSTRUCTION.exec(instruction ?? "") ?? [];
  const slot = named ?? reported?.[1] ?? reported?.[2] ?? known ?? unknown;
  return slot === undefined ? undefined : Number(slot);
}

/**
 * What the verifier knew of a register when the path ended: `pkt(r=14)`, `scalar(umax=255,…)`; undefined when the log does not
 * tell.
 */
export function registerState({ path }: VerifierLog, register: string): string | undefined {
  const state = new RegExp(`(?:^|[\\s;])${register}(?:_[a-zA-Z]+)?=`);
  for (let index = path.length - 1; index >= 0; index--) {
    const line = path[index]!;
    const match = state.exec(line);
    if (match) return balanced(line.slice(match.index + match[0].length));
  }
  return undefined;
}

/** The text up to the first space outside brackets. */
function balanced(text: string): string {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    if (text[index] === "(") depth++;
    else if (text[index] === ")") depth--;
    else if (text[index] === " " && depth === 0) return text.slice(0, index);
  }
  return text;
}

/** The largest value that a register's state allows; undefined when it has no bound below 2^32. */
export function upperBound(state: string | undefined): number | undefined {
  const text = state?.match(/(?:\b|=)umax(?:_value|32)?=(?:[su](?:max|min)\w*=)*(0x[0-9a-f]+|\d+)/)?.[1];
  const value = Number(text ?? Number.NaN);
  return value < 2 ** 32 ? value : undefined;
}
