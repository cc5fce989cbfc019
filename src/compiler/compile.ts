/**
 * From programs to an object: each is lowered to IR, optimised and emitted; then the maps and variables that they use are
 * declared, with BTF.
 *
 * Nothing is thrown for a program that cannot be compiled: its first error is in `diagnostics`, and the others go on.
 */

import { locate, type SourceLocation, XdpkitError, xdpkitError } from "../base/index.ts";
import type { TypeId } from "../btf/index.ts";
import { type Compiled, describeFunction, isProgram, requireRegistered } from "../lang/index.ts";
import type { BpfExtern, BpfFunction, BpfMap, BpfObject, CoreRelocation } from "../object/index.ts";
import { programKind } from "../object/index.ts";
import { BtfBuilder } from "./btf-types.ts";
import type { CompilableProgram } from "./compilable-program.ts";
import { type CompileFunctionOptions, compileFunction, type PassName } from "./compile-function.ts";
import { HINT_FUNCTIONS } from "./front/hints.ts";
import { lowerProgram } from "./front/lower.ts";
import { Unit } from "./front/unit.ts";
import type { IrFunction } from "./ir/ir.ts";
import { CONNTRACK_FUNCTIONS, structOf } from "./kernel-types.ts";
import { declareData } from "./object-data.ts";
import { declareMaps } from "./object-maps.ts";
import { sourceLocation } from "./stage/parse.ts";

/** Watches the passes. */
export interface CompileOptions {
  /** Called with the IR of each program before the first pass ("lower") and behind each. */
  readonly onPass?: (pass: "lower" | PassName, ir: IrFunction) => void;
}

/** Why a program cannot be compiled: an error of the catalogue with its place in the source. */
export type Diagnostic = XdpkitError;

/** An object, or why there is none. */
export interface CompileResult {
  /** Absent when there is a diagnostic. */
  readonly object?: BpfObject;
  /** What maps, outcomes and programs are called in the object, by handle. */
  readonly names: ReadonlyMap<object, string>;
  /** Empty when there is an object. */
  readonly diagnostics: readonly Diagnostic[];
}

const DEFAULT_LICENSE = "Dual MIT/GPL";

/**
 * Compiles programs, and those that their tables hold, into one object.
 *
 * @throws nothing: what is wrong with a program is in `diagnostics`
 */
export function compile(
  given: CompilableProgram | readonly CompilableProgram[],
  options: CompileOptions = {},
): CompileResult {
  const wanted = [given].flat() as CompilableProgram[];
  const unit = new Unit(wanted[0]?.options.license ?? DEFAULT_LICENSE, oldestTarget(wanted));
  const result = compileInto(unit, wanted, options);
  const lacksStack = result.diagnostics.some(({ code }) => code === "COMPILER_STACK");
  if (!lacksStack || !unit.hasCalledLoops) return result;
  // What a called loop is handed lies on the stack: without calls there may be enough.
  const other = compileInto(new Unit(unit.license, unit.target, false), wanted, options);
  return other.object ? other : result;
}

function compileInto(unit: Unit, wanted: readonly CompilableProgram[], options: CompileOptions): CompileResult {
  const diagnostics: Diagnostic[] = [];
  const btf = new BtfBuilder();
  const functions: BpfFunction[] = [];
  const build: Build = { unit, btf, stacks: new Map(), options };
  const done = new Set<CompilableProgram>();
  const programs = new Map<CompilableProgram, string>();
  const attempt = (body: () => void, at?: SourceLocation): void => {
    try {
      body();
    } catch (error) {
      if (!(error instanceof XdpkitError) || error.code.startsWith("INTERNAL")) throw error;
      diagnostics.push(at ? locate(error, at) : error);
    }
  };
  const compileOne = (program: CompilableProgram): void => {
    if (done.has(program)) return;
    done.add(program);
    attempt(() => {
      const name = programName(program, programs);
      requireLicense(program, unit.license);
      functions.push(compileProgram(build, program, name));
    }, placeOf(program));
  };
  for (const program of wanted) compileOne(program);
  const maps: BpfMap[] = [];
  attempt(() => maps.push(...declareMaps(unit, btf, compileOne)));
  compileCalled(build, functions, attempt);
  for (const [program, name] of programs) attempt(() => checkStack(name, functions, build.stacks), placeOf(program));
  const names = new Map<object, string>([...unit.maps, ...programs]);
  if (diagnostics.length > 0) return { names, diagnostics };
  maps.push(...declareData(unit, btf));
  return {
    object: { license: unit.license, functions, maps, externs: declareKfuncs(unit, btf), btf: btf.finish() },
    names,
    diagnostics,
  };
}

/** The same for `createVm` and `load`, or throws the first diagnostic. */
export function compileOrThrow(
  programs: CompilableProgram | readonly CompilableProgram[],
  options: CompileOptions = {},
): Compiled {
  const { object, names, diagnostics } = compile(programs, options);
  if (!object) throw diagnostics[0]!;
  return { object, names };
}

/** The programs among the exports of a module, in their order. */
export const programsOf = (module: Readonly<Record<string, unknown>>): CompilableProgram[] =>
  [...new Set(Object.values(module))].filter((value) => isProgram(value)) as unknown as CompilableProgram[];

/** The types of kernel functions that programs call. */
const KFUNCS: ReadonlyMap<string, (btf: BtfBuilder) => TypeId> = new Map([
  ...HINT_FUNCTIONS.map(([name, sizes]) => [name, (btf: BtfBuilder) => btf.kfunc(name, sizes)] as const),
  ...CONNTRACK_FUNCTIONS,
]);

function declareKfuncs(unit: Unit, btf: BtfBuilder): BpfExtern[] {
  const externs = Array.from(unit.kfuncs, (name) => ({
    kind: "kfunc" as const,
    name,
    weak: true,
    type: KFUNCS.get(name)!(btf),
  }));
  // libbpf takes for externs what is in this section.
  const variables = externs.map(({ type }) => ({ type, offset: 0, size: 0 }));
  if (variables.length > 0) btf.add({ kind: "section", name: ".ksyms", size: 0, variables });
  return externs;
}

function requireLicense(program: CompilableProgram, license: string): void {
  const own = program.options.license ?? DEFAULT_LICENSE;
  if (own === license) return;
  const hint = "give all programs of the object one licence, or compile them apart";
  const problem = `an object has one licence, not ${license} and ${own}`;
  throw xdpkitError("COMPILER_PROGRAM_NAME", { problem }, { at: placeOf(program), hint });
}

/** Where the function of a program begins. */
function placeOf({ body }: CompilableProgram): SourceLocation | undefined {
  const description = describeFunction(body);
  return description && sourceLocation(description.module.source, description.module.file, description.start);
}

function oldestTarget(programs: readonly CompilableProgram[]): string | undefined {
  return programs
    .flatMap(({ options }) => options.target ?? [])
    .sort((a, b) => Number.parseFloat(a) - Number.parseFloat(b))[0];
}

function programName(program: CompilableProgram, names: Map<CompilableProgram, string>): string {
  const { name } = program;
  const at = placeOf(program);
  // Without instrumentation no constant is known by name either: then that is what to say.
  requireRegistered(program.body);
  if (name === "") throw xdpkitError("COMPILER_PROGRAM_NAME", { problem: "the program has no name" }, { at });
  if ([...names.values()].includes(name)) throw xdpkitError("COMPILER_NAME_CLASH", { name, kind: "programs" }, { at });
  names.set(program, name);
  return name;
}

function sectionOf({ section, options }: CompilableProgram): string {
  return options.fragments ? section.replace("xdp", "xdp.frags") : section;
}

/** What the functions of one object are made with. */
interface Build {
  readonly unit: Unit;
  readonly btf: BtfBuilder;
  /** Bytes of stack by function. */
  readonly stacks: Map<string, number>;
  readonly options: CompileOptions;
}

function compileProgram(build: Build, program: CompilableProgram, name: string): BpfFunction {
  build.unit.addProgram(name);
  const section = sectionOf(program);
  const code = compileIr(build, lowerProgram(build.unit, program, name));
  return { name, section, linkage: "global", program: programKind(section), ...code, type: build.btf.program(name) };
}

function compileSubprogram(build: Build, name: string, ir: IrFunction): BpfFunction {
  const parameters = ir.blocks[0]!.instructions.filter(({ operation }) => operation.kind === "argument").length;
  const type = build.btf.subprogram(name, parameters);
  return { name, section: ".text", linkage: "static", ...compileIr(build, ir), type };
}

/** Subprograms that code calls: what a round of a loop made that was lowered again is not among them. */
function compileCalled(build: Build, functions: BpfFunction[], attempt: (body: () => void) => void): void {
  const subprograms = new Map(Array.from(build.unit.subprograms.values(), (one) => [one.name, one] as const));
  // The list grows while it is walked.
  for (const { references } of functions) {
    for (const reference of references) {
      const called = reference.kind === "function" ? subprograms.get(reference.function) : undefined;
      if (!called?.body) continue;
      subprograms.delete(called.name);
      attempt(() => functions.push(compileSubprogram(build, called.name, called.body!.ir)));
    }
  }
}

function compileIr({ stacks, options, btf }: Build, ir: IrFunction) {
  options.onPass?.("lower", ir);
  const passes: CompileFunctionOptions = options.onPass ? { onPass: options.onPass } : {};
  const { instructions, references, lines, fields, stackBytes } = compileFunction(ir, passes);
  stacks.set(ir.name, stackBytes);
  const relocations = fields.map(
    ({ instruction, field }): CoreRelocation => ({
      instruction,
      kind: "fieldByteOffset",
      type: structOf(btf, field),
      access: `0:${field.member}`,
    }),
  );
  return { instructions, references, lines, relocations };
}

/** MAX_BPF_STACK (include/linux/filter.h), of a program and the functions that it calls, each rounded up to 32 bytes. */
const STACK_BYTES = 512;

function checkStack(name: string, functions: readonly BpfFunction[], stacks: ReadonlyMap<string, number>): void {
  const depth = (one: string): number => {
    const called = functions.find((fn) => fn.name === one)?.references ?? [];
    const deepest = called.map((reference) => (reference.kind === "function" ? depth(reference.function) : 0));
    return Math.max(32, Math.ceil((stacks.get(one) ?? 0) / 32) * 32) + Math.max(0, ...deepest);
  };
  const bytes = depth(name);
  if (bytes > STACK_BYTES) throw xdpkitError("COMPILER_STACK", { name, bytes });
}
