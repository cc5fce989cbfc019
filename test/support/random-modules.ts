/**
 * Random kernel modules: from a seed the text of a `*.xdp.ts` that tsc and the language accept, and what to run it on.
 *
 * The program takes headers, computes, looks maps up, and at its end writes what it still has in scope into the map
 * `results`, so that a wrong value anywhere shows. Neither clocks nor chance are used.
 */
import { bytes, layoutOf, printAddress, type Schema } from "../../src/schema/index.ts";
import { partsOf } from "../../src/schema/layout.ts";
import { Random } from "./random.ts";
import { Declarations, emptyModel } from "./random-modules/declarations.ts";
import { ETHERNET, NUMBER_TYPES, Scope } from "./random-modules/model.ts";
import { indent } from "./random-modules/statements.ts";
import { ipv4Pool, ipv6Pool, POOL, randomPacket } from "./random-packets.ts";

export interface RandomModule {
  readonly seed: number;
  readonly text: string;
}

/** Slots that the end of the program writes, and those behind them for values inside. */
const SLOTS = 24;
const OBSERVED = Array.from({ length: 16 }, (_, i) => SLOTS + i);
const LANG =
  "array assign atomic be16 be32 be64 bits bool copyOf DevHashMap equals exit flag global HashMap i16 i32 i64 i8 inPrefix ipv4Address ipv6Address jhash jhashWords loop checksum checksumAdd checksumFinish checksumReplace LruHashMap mac Outcomes PerCpuArray ArrayMap range setting struct u16 u32 u64 u8 unroll xdp XdpAction";
const TYPES = "type Ipv4Address type Ipv6Address type MacAddress type XdpContext";
const PACKET = "Ethernet GtpU Ipv4 Ipv6 Ipv6Halves Udp VlanTag";

const importLine = (names: string, from: string): string => `import { ${names} } from "${from}";`;
const list = (names: string): string => names.split(" ").join(", ");

/**
 * The same seed gives the same text. Exports: `program`, `results`, `outcomes`, `ports`, maps and globals. With fewer
 * `statements` a module begins as the larger one does: for finding out which of them goes wrong.
 */
export function randomModule(seed: number, statements = Number.POSITIVE_INFINITY): RandomModule {
  const random = new Random(seed);
  const writer = new Declarations(random, emptyModel());
  const kinds = ["number", "nullable", "record", "place", "header"] as const;
  const lines = [
    `// Seed ${seed}`,
    importLine(`${list(LANG)}, ${TYPES.replaceAll(" type", ", type")}`, "xdpkit"),
    importLine(list(PACKET), "xdpkit/packet"),
    ...writer.constants(),
    ...Array.from({ length: random.between(2, 4) }, () => writer.struct()).flat(),
    `export class Results extends struct({ slots: array(u64, ${SLOTS + OBSERVED.length}), mac: mac, ipv4: ipv4Address, ipv6: ipv6Address }) {}`,
    "export const results = new PerCpuArray({ value: Results, maxEntries: 1 });",
    ...writer.maps(),
    ...kinds.filter(() => random.chance(0.6)).flatMap((kind) => writer.helper(kind)),
    ...program(writer, random, statements),
  ];
  return { seed, text: `${lines.join("\n")}\n` };
}

function program(writer: Declarations, random: Random, limit: number): string[] {
  const scope = new Scope();
  writer.results = "results_";
  writer.resultSlots = OBSERVED;
  writer.budget = Math.min(limit, random.between(15, 45));
  const leave = (from: Scope): string => `return ${writer.action(from)};`;
  const first = preamble(writer, random, scope);
  const body = writer.block(random.between(8, 16), { scope, depth: 3, leave, isLoop: false, rounds: 1 });
  const moved = random.chance(0.3) ? adjustment(writer, random, scope) : [];
  return [
    "export const program = xdp((ctx) => {",
    ...indent([
      "const results_ = results.at(0);",
      "const cursor = ctx.cursor();",
      ...first,
      ...body,
      ...moved,
      ...report(writer, random, scope),
      leave(scope),
    ]),
    "});",
  ];
}

/** Values that are known at run time only. */
function preamble(writer: Declarations, random: Random, scope: Scope): string[] {
  writer.addPlace(scope, "link", ETHERNET, "packet");
  const lines = ["const link = ctx.header(Ethernet, 0) ?? exit(XdpAction.Aborted);"];
  for (let i = random.between(2, 4); i > 0; i--) {
    const { schema, min, max } = random.pick(NUMBER_TYPES);
    const name = writer.name("n");
    lines.push(
      `const ${name}: number = ctx.header(${schema}, ${random.between(0, 60)})?.value ?? ${random.between(0, 99)};`,
    );
    scope.numbers.push({ text: name, min: Math.min(0, min), max });
  }
  for (let i = random.between(1, 2); i > 0; i--) {
    const name = writer.name("b");
    lines.push(
      `const ${name}: bigint = ctx.header(${random.pick(["u64", "be64"])}, ${random.between(0, 40)})?.value ?? 3n;`,
    );
    scope.bigs.push({ text: name, clean: true, isMutable: false });
  }
  for (let i = random.between(0, 2); i > 0; i--) {
    const name = writer.name("s");
    lines.push(`const ${name}: bigint = ctx.header(i64, ${random.between(0, 40)})?.value ?? -3n;`);
    scope.signeds.push({ text: name, isMutable: false });
  }
  return lines;
}

/** Moves an end of the packet; every place of the packet is dead afterwards. */
function adjustment(writer: Declarations, random: Random, scope: Scope): string[] {
  for (const place of scope.livePlaces()) if (place.home === "packet") place.dead = true;
  const failed = `return ${writer.action(scope)};`;
  const call = random.pick([
    `!ctx.adjustHead(${random.pick([4, 8, -4, -20, 100])})`,
    `!ctx.removeHead(${random.pick([4, 14])})`,
    `!ctx.setLength(${random.pick([14, 60, 100, 1400])})`,
    `!ctx.adjustTail(${random.pick([-4, 8, 64])})`,
    `!ctx.prepend(VlanTag)`,
    `!ctx.replaceHead(${random.pick([4, 14, 18])}, Ethernet)`,
  ]);
  const name = writer.name("h");
  return [
    `if (${call}) ${failed}`,
    `const ${name} = ctx.header(Ethernet, 0) ?? exit(XdpAction.Aborted);`,
    `${name}.source = ${writer.address(scope, "mac")};`,
    `${name}.destination = ${writer.address(scope, "mac")};`,
    `${name}.etherType = ${random.pick(["0x0800", "u16(ctx.length)"])};`,
  ];
}

/** What is in scope, to the results. */
function report(writer: Declarations, random: Random, scope: Scope): string[] {
  const values = [
    ...scope.numbers.map(({ text }) => `u64(${text})`),
    ...scope.bigs.map(({ text }) => text),
    ...scope.signeds.map(({ text }) => `u64(${text})`),
    ...scope.bools.map(({ text }) => `${text} ? 1n : 0n`),
  ];
  const places = scope.livePlaces().filter(({ home }) => home === "stack");
  const hashes = places.map(({ name }) => `u64(jhash(${name}, 0))`);
  const kept = [...values, ...hashes].filter(() => random.chance(0.9)).slice(-SLOTS);
  return [
    ...kept.map((text, slot) => `results_.slots[${slot}] = ${text};`),
    ...(["mac", "ipv4", "ipv6"] as const).map((family) => `results_.${family} = ${writer.address(scope, family)};`),
  ];
}

/** One start of a machine: what the maps hold, in user-space form, and the packets in their order. */
export interface RandomRun {
  readonly maps: readonly (readonly [handle: object, entries: readonly (readonly [key: unknown, value: unknown])[]])[];
  readonly packets: readonly Uint8Array[];
}

interface Handle {
  readonly declaration: {
    readonly type: string;
    readonly key: Schema<unknown>;
    readonly value: Schema<unknown>;
    readonly maxEntries: number;
  };
}

/** Random packets and map contents for the exports of a generated module. */
export function runs(random: Random, exports: Readonly<Record<string, unknown>>, count = 2): RandomRun[] {
  const handles = Object.values(exports).filter(
    (value): value is Handle => typeof value === "object" && value !== null && "declaration" in value,
  );
  return Array.from({ length: count }, () => ({
    maps: handles.map((handle) => [handle, entriesOf(random, handle)] as const),
    packets: Array.from({ length: random.between(4, 10) }, () => packetFor(random)),
  }));
}

function packetFor(random: Random): Uint8Array {
  if (random.chance(0.75)) return randomPacket(random);
  const packet = random.bytes(random.between(14, 200));
  for (let i = 0; i < packet.length; i++) if (random.chance(0.5)) packet[i] = random.pick([0, 0, 1, 2, 255]);
  return packet;
}

function entriesOf(random: Random, { declaration }: Handle): (readonly [unknown, unknown])[] {
  const { type, key, value, maxEntries } = declaration;
  if (type.startsWith("DEVMAP")) return [0, 1, 2, 5].map((index) => [index, { interface: index + 1 }] as const);
  if (type.endsWith("ARRAY"))
    return Array.from({ length: maxEntries }, (_, index) => [index, randomValue(random, value, false)] as const);
  return Array.from(
    { length: random.between(0, 12) },
    () => [randomValue(random, key, true), randomValue(random, value, false)] as const,
  );
}

/** A value in user-space form; of a key from the small sets that programs ask for. */
function randomValue(random: Random, schema: Schema<unknown>, isKey: boolean): unknown {
  const layout = layoutOf(schema);
  switch (layout.kind) {
    case "integer": {
      const width = layout.size * 8;
      const number = isKey
        ? BigInt(random.between(0, 3))
        : (BigInt(random.interesting()) << 32n) ^ BigInt(random.interesting());
      const wrapped = layout.signed ? BigInt.asIntN(width, number) : BigInt.asUintN(width, number);
      return layout.size === 8 ? wrapped : Number(wrapped);
    }
    case "bits":
      return layout.isFlag ? random.chance(0.5) : random.u32() % 2 ** layout.width;
    case "bool":
      return random.chance(0.5);
    case "address":
      return randomAddress(random, layout.family);
    case "array":
      return Array.from({ length: layout.length }, () => randomValue(random, partsOf(schema)["element"]!, isKey));
    case "struct":
      return Object.fromEntries(
        Object.entries(partsOf(schema)).map(([name, part]) => [name, randomValue(random, part, isKey)]),
      );
    default:
      return random.bytes((bytes(layout.size) as Schema<unknown>).size);
  }
}

function randomAddress(random: Random, family: "mac" | "ipv4" | "ipv6"): string {
  const index = random.between(0, POOL - 1);
  if (family === "ipv4") return printAddress("ipv4", ipv4Pool(index));
  if (family === "ipv6") return printAddress("ipv6", ipv6Pool(index));
  return `02:00:00:00:00:0${index}`;
}
