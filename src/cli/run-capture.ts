/**
 * What `xdpkit run` does: a capture through a program.
 *
 * Everything is read as a stream. The output file and the maps' files appear only when the whole run has succeeded.
 */
import type { Command } from "commander";
import { locate, printCaret, XdpkitError, xdpkitError } from "../base/index.ts";
import { type BpfMap, type BpfObject, withProgramType } from "../object/index.ts";
import { type CapturedPacket, LinkType, readCapture } from "../packet/index.ts";
import { MapType, mapTypeName } from "../uapi/index.ts";
import { type Unwritten, xdpPrograms } from "../vm/index.ts";
import { toJsonValue } from "./data-files.ts";
import { canDump, createEngine, ENGINES, type Engine, type EngineName } from "./engine.ts";
import { inFile, OutputFile, openInput } from "./files.ts";
import { type CoreReport, coreReport, kernelTypes, printCore } from "./kernel-types.ts";
import {
  checkMap,
  isGlobalData,
  type MapContent,
  type MapEntry,
  mapEntries,
  readMaps,
  withGlobals,
} from "./map-files.ts";
import { handlesOf, type ModuleHandles } from "./module-handles.ts";
import { readNetworkFile } from "./network-file.ts";
import { errorToJson, printError } from "./print-error.ts";
import { chooseProgram, readProgramFile } from "./program-file.ts";
import { startProgress } from "./progress.ts";
import { VerdictCapture } from "./verdict-capture.ts";
import { emptyCounts, printVerdicts, type VerdictCounts } from "./verdict-table.ts";
import { loading, type VerifierLogOption } from "./verifier-log.ts";

export interface RunOptions extends VerifierLogOption {
  readonly in: string;
  readonly out?: string;
  readonly program?: string;
  readonly engine: string;
  readonly map: readonly string[];
  readonly dump: readonly string[];
  readonly network?: string;
  readonly repeat: number;
  readonly cpus: number;
  readonly type?: string;
  readonly btf?: string;
  readonly seed: number;
  readonly unwritten?: Unwritten;
  readonly headroom?: number;
  readonly linear?: number;
  readonly json?: boolean;
}

interface Fault {
  readonly packet: number;
  readonly error: XdpkitError;
}

interface RunResult {
  readonly packets: number;
  readonly counts: VerdictCounts;
  readonly faults: readonly Fault[];
  readonly faultCount: number;
  /** Packets that the capture holds only in part. */
  readonly cut: number;
  readonly milliseconds: number;
}

/** A run with what was found out beside the verdicts. */
interface Report extends RunResult {
  readonly traced: Traced;
  readonly core: CoreReport | undefined;
}

/** Faults that are kept in full; further ones are only counted. */
const MAX_FAULTS = 10;
/** Lines of bpf_printk that are kept. */
const MAX_TRACED = 100;

export async function run(file: string, options: RunOptions, command: Command): Promise<void> {
  const name = engineName(options.engine);
  checkOptions(name, options, command);
  return loading(file, options, () => runWith(name, file, options));
}

/** The object with its programs as XDP, where their sections do not say so. @throws XdpkitError CLI_USAGE */
function withType(object: BpfObject, type: string | undefined): BpfObject {
  if (type !== undefined && type !== "xdp")
    throw xdpkitError("CLI_USAGE", { problem: `--type is xdp, the one type that can run here, not ${type}` });
  const none = xdpPrograms(object).length === 0;
  return none || type === "xdp" ? withProgramType(object, type === "xdp") : object;
}

/** What the program printed with `bpf_printk`: the first lines, and how many there were. */
interface Traced {
  readonly lines: string[];
  count: number;
}

function traceLines(engine: Engine): Traced {
  const traced: Traced = { lines: [], count: 0 };
  engine.onTrace((text) => {
    traced.count++;
    if (traced.lines.length < MAX_TRACED) traced.lines.push(text.replace(/\n$/, ""));
  });
  return traced;
}

async function runWith(name: EngineName, file: string, options: RunOptions): Promise<void> {
  const { object: read, names, fills } = await readProgramFile(file);
  const original = withType(read, options.type);
  const handles = handlesOf(names);
  const program = chooseProgram(original, options.program, file, true);
  for (const dumped of options.dump) checkDump(name, checkMap(original, file, dumped));
  const contents = await readMaps(original, file, options.map);
  const object = await withGlobals(original, contents);
  const network = options.network === undefined ? undefined : await readNetworkFile(options.network);
  const types = name === "interpreter" ? await kernelTypes(object, options.btf) : undefined;
  const create = () =>
    createEngine(name, object, {
      ...(types ? { btf: types.btf } : {}),
      program,
      cpus: options.cpus,
      seed: options.seed,
      ...(options.unwritten !== undefined ? { unwritten: options.unwritten } : {}),
      ...(options.headroom === undefined ? {} : { headroom: options.headroom }),
      ...(options.linear === undefined ? {} : { linear: options.linear }),
      ...(network ? { network } : {}),
      names,
      codecs: handles.codecs,
    });
  using engine = await (options.network === undefined ? inFile(file, create) : inFile(options.network, create));
  for (const { map, entries } of fills) engine.fill(map, entries);
  await fillMaps(
    engine,
    contents.filter(({ name }) => !isGlobalData(object, name)),
  );
  const traced = traceLines(engine);
  const result = { ...(await runCapture(engine, options, program)), traced, core: coreReport(engine, types) };
  const dumps = options.dump.map((name) => [name, engine.dump(name)] as const);
  const outcomes = readOutcomes(engine, handles);
  // A capture on standard output is for a pipe; what is told of it goes to the terminal.
  (options.out === "-" ? process.stderr : process.stdout).write(
    options.json
      ? printJson(engine, result, outcomes, dumps)
      : printText(file, program, engine, options, result, outcomes, dumps),
  );
  if (result.faultCount > 0) process.exitCode = 1;
}

type Counters = Readonly<Record<string, bigint>>;

/** Outcomes of the module by the name of their map, summed over the CPUs. */
function readOutcomes(engine: Engine, { outcomes }: ModuleHandles): ReadonlyMap<string, Counters> {
  return new Map(
    Array.from(outcomes, ([map, names]) => {
      const perCpu = (engine.dump(map)[0]?.value ?? []) as readonly Readonly<Record<string, bigint | number>>[];
      const count = (index: number) =>
        perCpu.reduce((sum, counters) => sum + BigInt(Object.values(counters)[index] ?? 0), 0n);
      return [map, Object.fromEntries(names.map((name, index) => [name, count(index)]))];
    }),
  );
}

function engineName(text: string): EngineName {
  const known = ENGINES.find((name) => name === text);
  if (known) return known;
  throw xdpkitError("CLI_USAGE", { problem: `--engine is ${ENGINES.join(" or ")}, not ${text}` });
}

const INTERPRETER_ONLY = ["network", "btf", "cpus", "seed", "unwritten", "headroom", "linear"] as const;

/** Refuses what would be ignored. @throws XdpkitError CLI_USAGE */
function checkOptions(engine: EngineName, { out, json, verifierLog }: RunOptions, command: Command): void {
  if (out === "") throw xdpkitError("CLI_USAGE", { problem: "--out takes the name of a file, or -" });
  if (out === "-" && json)
    throw xdpkitError("CLI_USAGE", {
      problem: "--out - and --json both write to standard output: name a file for one",
    });
  if (engine === "interpreter" && verifierLog !== undefined)
    throw xdpkitError("CLI_USAGE", { problem: "--verifier-log is for --engine kernel, not for the interpreter" });
  const ignored = INTERPRETER_ONLY.find((name) => command.getOptionValueSource(name) === "cli");
  if (engine === "interpreter" || ignored === undefined) return;
  throw xdpkitError("CLI_USAGE", { problem: `--${ignored} is for the interpreter, not for --engine ${engine}` });
}

function checkDump(engine: EngineName, map: BpfMap): void {
  if (canDump(engine, map)) return;
  const type = mapTypeName(map.type) ?? `type ${map.type}`;
  throw xdpkitError("CLI_USAGE", { problem: `--engine ${engine} cannot dump ${map.name}, a map of ${type}` });
}

async function fillMaps(engine: Engine, contents: readonly MapContent[]): Promise<void> {
  for (const { name, file, data } of contents) {
    const entries = mapEntries(file, data);
    await inFile(file, () => engine.fill(name, entries));
  }
}

/** Runs all packets; the capture is written beside its name and moved there at the end. */
async function runCapture(engine: Engine, options: RunOptions, program: string): Promise<RunResult> {
  const input = await openInput(options.in);
  const output = options.out === undefined ? undefined : await OutputFile.open(options.out, options.in);
  try {
    const capture = output && new VerdictCapture(output);
    capture?.begin(program);
    const result = await inFile(options.in, () => eachPacket(engine, options, input, capture, output));
    await output?.finish();
    return result;
  } catch (error) {
    await output?.discard();
    throw error;
  }
}

async function eachPacket(
  engine: Engine,
  options: RunOptions,
  input: { readonly chunks: AsyncIterable<Uint8Array>; readonly size: number },
  capture: VerdictCapture | undefined,
  output: OutputFile | undefined,
): Promise<RunResult> {
  const counts = emptyCounts();
  const faults: Fault[] = [];
  const progress = startProgress(input.size, !options.json);
  const start = performance.now();
  let packets = 0;
  let cut = 0;
  try {
    for await (const packet of readCapture(input.chunks)) {
      packets++;
      checkLinkType(packet, packets);
      if (packet.originalLength > packet.bytes.length) cut++;
      const outcome = runOne(engine, packet, options.repeat);
      const row = counts[outcome instanceof XdpkitError ? "fault" : outcome.name];
      row.packets++;
      row.bytes += packet.bytes.length;
      const time = packet.timestampNs ?? 0n;
      if (outcome instanceof XdpkitError) {
        if (faults.length < MAX_FAULTS) faults.push({ packet: packets, error: outcome });
        capture?.addFault(packet.bytes, packet.originalLength, time, outcome.problem);
      } else capture?.add(packet.bytes, packet.originalLength, time, outcome);
      if (output?.full) await output.flush();
      if (packets % 1024 === 0) progress.update(packet.offset, packets);
    }
  } finally {
    progress.stop();
  }
  return { packets, counts, faults, faultCount: counts.fault.packets, cut, milliseconds: performance.now() - start };
}

function checkLinkType({ linkType, offset }: CapturedPacket, packet: number): void {
  if (linkType === LinkType.Ethernet) return;
  throw xdpkitError("CLI_LINK_TYPE", { linkType, packet }, { at: { kind: "byte", offset } });
}

/** The verdict of the last repetition, or the fault that the program made. */
function runOne(engine: Engine, packet: CapturedPacket, repeat: number) {
  try {
    for (let i = 1; i < repeat; i++) engine.run(packet.bytes, packet.timestampNs);
    return engine.run(packet.bytes, packet.timestampNs);
  } catch (error) {
    if (error instanceof XdpkitError && FAULTS.test(error.code)) {
      return locate(error, { kind: "byte", offset: packet.offset });
    }
    throw error;
  }
}

/** What a program or a single packet may do wrong; anything else ends the command. */
const FAULTS =
  /^VM_(ACCESS|BAD_|STALE_|UNSET_|UNINITIALISED|STACK_|MISSING_|READ_ONLY|BUDGET|CALL_DEPTH|UNKNOWN_HELPER|UNSUPPORTED_HELPER|HELPER_|PACKET_SIZE)|^KERNEL_(CALL|PACKET_SIZE)$/;

type Dump = readonly [name: string, entries: readonly MapEntry[]];

function printJson(
  engine: Engine,
  result: Report,
  outcomes: ReadonlyMap<string, Counters>,
  dumps: readonly Dump[],
): string {
  const verdicts = Object.fromEntries(
    Object.entries(result.counts).flatMap(([name, { packets }]) =>
      name === "fault" || packets === 0 ? [] : [[name, packets]],
    ),
  );
  const json = {
    packets: result.packets,
    verdicts,
    engine: engine.name,
    faults: result.faultCount,
    ...(result.cut > 0 ? { cutPackets: result.cut } : {}),
    ...(result.core ? { core: result.core } : {}),
    ...(result.traced.count > 0 ? { trace: { lines: result.traced.lines, count: result.traced.count } } : {}),
    ...(result.faults.length > 0
      ? { firstFaults: result.faults.map(({ packet, error }) => ({ packet, ...errorToJson(error) })) }
      : {}),
    ...(outcomes.size > 0 ? { outcomes: toJsonValue(Object.fromEntries(outcomes)) } : {}),
    ...(dumps.length > 0
      ? { maps: Object.fromEntries(dumps.map(([name, entries]) => [name, toJsonValue(entries)])) }
      : {}),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

function printText(
  file: string,
  program: string,
  engine: Engine,
  options: RunOptions,
  result: Report,
  outcomes: ReadonlyMap<string, Counters>,
  dumps: readonly Dump[],
): string {
  const { packets, counts, milliseconds } = result;
  const times = options.repeat === 1 ? "" : `, each ${options.repeat.toLocaleString("en-US")} times`;
  const title = `\n  ${program} of ${file}, ${engine.name}: ${packets.toLocaleString("en-US")} packets of ${options.in}${times}, ${milliseconds.toFixed(0)} ms\n\n`;
  const color = process.stdout.isTTY === true && !process.env["NO_COLOR"];
  const written = options.out === undefined ? "" : `\n  written: ${options.out}\n`;
  return [
    title,
    printVerdicts(counts, color),
    printCut(result),
    printCore(result.core),
    printTraced(result.traced),
    ...Array.from(outcomes, printOutcomes),
    printMaps(engine, outcomes),
    printFaults(result),
    written,
    ...dumps.map(printDump),
    "\n",
  ].join("");
}

function printCut({ packets, cut }: RunResult): string {
  if (cut === 0) return "";
  const [some, all] = [cut, packets].map((count) => count.toLocaleString("en-US"));
  return `\n  ${some} of ${all} packets are cut in the capture: the program saw what is left (capture with tcpdump -s 0)\n`;
}

/** Lines of bpf_printk. */
function printTraced({ lines, count }: Traced): string {
  if (count === 0) return "";
  const rest = count > lines.length ? `  … and ${(count - lines.length).toLocaleString("en-US")} more\n` : "";
  return `\n  printed (bpf_printk)\n${lines.map((line) => `  ${line}\n`).join("")}${rest}`;
}

/** What has happened at all, in the order of the declaration. */
function printOutcomes([map, counters]: readonly [string, Counters]): string {
  const rows = Object.entries(counters)
    .filter(([, count]) => count > 0n)
    .map(([name, count]) => `  ${name.padEnd(17)}${count.toLocaleString("en-US").padStart(7)}\n`);
  return rows.length === 0 ? "" : `\n  ${map.padEnd(17)}packets\n${rows.join("")}`;
}

/** Maps that hold something, with how much. */
function printMaps(engine: Engine, outcomes: ReadonlyMap<string, Counters>): string {
  const rows = engine
    .maps()
    .filter(({ name, definition }) => !definition.data && !outcomes.has(name))
    .map(({ name, type, definition }) => {
      const arrays = definition.type === MapType.ARRAY || definition.type === MapType.PERCPU_ARRAY;
      const size = arrays ? undefined : engine.size(name);
      const used = size === undefined ? "" : `${size.toLocaleString("en-US")} of `;
      return `  ${name.padEnd(17)}${type.padEnd(18)}${used}${definition.maxEntries.toLocaleString("en-US")} entries\n`;
    });
  return rows.length === 0 ? "" : `\n  map\n${rows.join("")}`;
}

function printFaults({ faults, faultCount }: RunResult): string {
  if (faultCount === 0) return "";
  const lines = faults
    .slice(0, 3)
    .map(({ packet, error }) => `  packet ${packet}: ${printError(error)}\n${printCaret(error.at)}`);
  const rest = faultCount > lines.length ? `  … and ${faultCount - lines.length} more\n` : "";
  return `\n  faults\n${lines.join("")}${rest}`;
}

function printDump([name, entries]: Dump): string {
  const rows = entries.map((entry) => `  ${JSON.stringify(toJsonValue(entry))}`);
  return `\n  map ${name}\n${rows.length === 0 ? "  (empty)\n" : `${rows.join("\n")}\n`}`;
}
