/** docs/language.md: every example is type-checked, compiled, loaded into the kernel and run, and does what it says. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compilerErrors } from "../../src/base/errors/compiler.ts";
import { printCaret, printHex } from "../../src/base/index.ts";
import { printError } from "../../src/cli/print-error.ts";
import { compile, compileOrThrow, programsOf } from "../../src/compiler/index.ts";
import { inNamespace, LoadedObject, pinThread } from "../../src/kernel/index.ts";
import type { BpfObject } from "../../src/object/index.ts";
import { build, Ethernet, EtherType, Ipv4, Ipv6, type Part, srh, tcp, Udp, VlanTag } from "../../src/packet/index.ts";
import { typeErrors } from "../support/check-types.ts";
import { type EngineName, observeCompiled } from "../support/compiled.ts";
import { type Block, blocksOf, type Example, exampleOf } from "../support/doc-blocks.ts";
import { type Exports, loadText } from "../support/load-module.ts";
import { Namespace } from "../support/namespace.ts";
import type { Observation } from "../support/observe.ts";
import { suite } from "../support/require.ts";

const MAC = { destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" };
const PAYLOAD = Uint8Array.from({ length: 40 }, (_, i) => i);
const IPV4 = { source: "192.0.2.1", destination: "198.51.100.2", ttl: 64 };
const IPV6 = { source: "2001:db8::1", destination: "fc00:1::", hopLimit: 64 };
const udp = new Udp({ sourcePort: 1000, destinationPort: 53 });
const frame = (etherType: number, ...parts: Part[]) => build([new Ethernet({ ...MAC, etherType }), ...parts]);

/** What docs/language.md lists under "Reading the examples". */
const PACKETS: Readonly<Record<string, Uint8Array>> = {
  udp4: frame(EtherType.Ipv4, new Ipv4(IPV4), udp, PAYLOAD),
  tcp4: frame(EtherType.Ipv4, new Ipv4(IPV4), tcp({ sourcePort: 1000, destinationPort: 443, syn: true }), PAYLOAD),
  vlan4: frame(EtherType.Vlan, new VlanTag({ vlan: 7, etherType: EtherType.Ipv4 }), new Ipv4(IPV4), udp, PAYLOAD),
  udp6: frame(EtherType.Ipv6, new Ipv6(IPV6), udp, PAYLOAD),
  srv6: frame(
    EtherType.Ipv6,
    new Ipv6(IPV6),
    srh({ segments: ["fc00:2::", "fc00:1::"], segmentsLeft: 1 }),
    udp,
    PAYLOAD,
  ),
  short: frame(EtherType.Ipv4, new Ipv4(IPV4), udp).slice(0, 20),
};
const VERDICTS = ["XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT"];

const page = readFileSync(new URL("../../docs/language.md", import.meta.url), "utf8");
const blocks = blocksOf(page);
const examples = blocks
  .filter(({ info }) => /^ts\b/.test(info))
  .map((block) => exampleOf(block, new Set(Object.keys(PACKETS))));
const cases = examples.map((example) => ({ example, title: `${example.block.section}, line ${example.block.line}` }));
const fileOf = ({ line }: Block, variant: number | "" = ""): string => `language-${line}-${variant}.xdp.ts`;

interface Loaded {
  readonly exports: Exports;
  readonly object: BpfObject;
  /** The last of the module. */
  readonly program: string;
}

const loaded = new Map<Block, Loaded>();

/** Modules are evaluated once: handles have names of one module only. */
function loadedOf({ block, module }: Example): Loaded {
  const known = loaded.get(block);
  if (known) return known;
  const exports = loadText(module, fileOf(block));
  const programs = programsOf(exports);
  const { name } = programs.findLast(({ section }) => section === "xdp") ?? programs[0]!;
  const one = { exports, object: compileOrThrow(programs).object, program: name };
  loaded.set(block, one);
  return one;
}

async function observeExample(example: Example, engine: EngineName, namespace?: Namespace): Promise<Observation> {
  const { exports, object, program } = loadedOf(example);
  const run = { maps: [], packets: example.runs.map(([name]) => PACKETS[name]!) };
  const observe = () => observeCompiled(exports, object, run, engine, program);
  return namespace ? inNamespace(namespace.name, observe) : observe();
}

/** The parts of an observation that an example makes claims of, in its words. */
function claimed({ runs, state, bytes }: Example, { verdicts, state: found }: Observation) {
  return {
    runs: runs.map(([name], index) => [name, VERDICTS[verdicts[index]!.action]]),
    state: [...state.keys()].map((name) => [name, found[name]?.filter((line) => !/^\w+ 0$/.test(line)).join(", ")]),
    bytes: bytes === undefined ? undefined : verdicts.at(-1)!.packet.slice(0, bytes.length),
  };
}

const claims = ({ runs, state, bytes }: Example) => ({ runs, state: [...state], bytes });

it("every example claims something", () => {
  const silent = examples.filter(({ runs, refusals, loads }) => runs.length === 0 && refusals.length === 0 && !loads);
  expect(silent.map(({ block }) => `docs/language.md:${block.line}`)).toEqual([]);
  const vague = examples.filter(
    ({ runs, state, bytes }) => runs.length === 0 && (state.size > 0 || bytes !== undefined),
  );
  expect(vague.map(({ block }) => `docs/language.md:${block.line}`)).toEqual([]);
  expect(examples.length).toBeGreaterThan(55);
});

it("stock tsc --strict accepts them, and what is refused", () => {
  const texts = examples.flatMap(({ block, module, refusals }) => [
    [fileOf(block), module] as const,
    ...refusals.map((one, index) => [fileOf(block, index), one.module] as const),
  ]);
  expect(Object.fromEntries(typeErrors(new Map(texts)))).toEqual({});
});

it.each(cases)("$title: interpreter", async ({ example }) => {
  expect(claimed(example, await observeExample(example, "interpreter"))).toEqual(claims(example));
});

const refused = cases.flatMap(({ example, title }) =>
  example.refusals.map((refusal, index) => ({ refusal, file: fileOf(example.block, index), title })),
);
it.each(refused)("$title: refused with $refusal.code", ({ refusal: { code, module, line }, file }) => {
  const { object, diagnostics } = compile(programsOf(loadText(module, file)));
  const [error] = diagnostics;
  expect(object === undefined).toBe(true);
  expect([error?.code, error?.at?.kind === "source" ? error.at.line : undefined]).toEqual([code, line]);
});

it("the diagnostic that is shown is printed so", () => {
  const [{ text, info }, shown] = blocks.flatMap((block, index) =>
    /^ts file=/.test(block.info) ? [block, blocks[index + 1]!] : [],
  ) as [Block, Block];
  const { diagnostics } = compile(programsOf(loadText(text.replaceAll(/ *\/\/ refused: .*/g, ""), info.slice(8))));
  expect(`${printError(diagnostics[0]!)}\n${printCaret(diagnostics[0]!.at)}`.trimEnd()).toBe(shown.text);
});

suite("docs/language.md in the kernel", ["bpf", "root", "ip"], () => {
  let namespace: Namespace;
  beforeAll(() => {
    pinThread(0);
    namespace = new Namespace("language");
  });
  afterAll(() => namespace[Symbol.dispose]());

  it.each(cases)("$title: kernel", async ({ example }) => {
    const { object } = loadedOf(example);
    using all = new LoadedObject(object);
    for (const { name, program } of object.functions) if (program) all.program(name);
    const found = await observeExample(example, "kernel", namespace);
    expect(claimed(example, found)).toEqual(claims(example));
  });
});

it("every code of the compiler is listed", () => {
  expect(Object.keys(compilerErrors).filter((code) => !page.includes(`| \`${code}\` |`))).toEqual([]);
});

it.each<[text: string, found: unknown]>([
  ["return XdpAction.Drop;\n// udp4: XDP_PASS", { runs: [["udp4", "XDP_DROP"]] }],
  ["const x = ipv4.ttl; // = 65", { runs: [["udp4", "XDP_ABORTED"]] }],
  ["seen.value = 4n;\n// udp4: XDP_PASS\n// seen: 5", { state: [["seen", "4"]] }],
  ["ethernet.source = ethernet.destination;\n// udp4: XDP_PASS\n// packet: 0300", { bytes: "0200" }],
])("a wrong claim is found: %s", async (text, found) => {
  const block: Block = { line: -1 - text.length, info: "ts", text, section: "" };
  const example = exampleOf(block, new Set(Object.keys(PACKETS)));
  const observed = claimed(example, await observeExample(example, "interpreter"));
  expect(observed).toMatchObject(found as object);
  expect(observed).not.toEqual(claims(example));
});

it("PACKETS are those that the page lists", () => {
  for (const [name, bytes] of Object.entries(PACKETS)) expect(page).toContain(`| \`${name}\` | ${bytes.length} |`);
  expect(printHex(PACKETS["udp4"]!)).toHaveLength(2 * 82);
});
