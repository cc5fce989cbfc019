/** Random declarations of a module: structs, maps, staged constants, globals, helper functions. */
import {
  ADDRESS_TYPES,
  BIG_TYPES,
  BOOL,
  bitsType,
  choose,
  type FieldModel,
  type FieldType,
  FLAG,
  HEADERS,
  type HelperKind,
  type MapModel,
  type ModuleModel,
  NUMBER_TYPES,
  Scope,
  type StructModel,
  U32,
} from "./model.ts";
import { indent, Statements } from "./statements.ts";

const SIZES: Readonly<Record<string, number>> = {
  u8: 1,
  i8: 1,
  bool: 1,
  u16: 2,
  i16: 2,
  be16: 2,
  u32: 4,
  i32: 4,
  be32: 4,
  u64: 8,
  i64: 8,
  be64: 8,
  mac: 6,
  ipv4Address: 4,
  ipv6Address: 16,
};
/** Pools that random packets draw from, so that comparisons and look-ups are often true. */
const ADDRESSES = {
  mac: ["02:00:00:00:01:01", "02:00:00:00:00:03", "ff:ff:ff:ff:ff:ff"],
  ipv4: ["10.0.0.1", "10.0.1.2", "192.0.2.1"],
  ipv6: ["fc00:1::1", "fc00:1::100:2", "::"],
} as const;
const TYPES = { mac: "MacAddress", ipv4: "Ipv4Address", ipv6: "Ipv6Address" } as const;
const CONSTANTS = [0, 1, 4, 6, 17, 41, 53, 80, 255, 300, 0x0800, 0x86dd, 0xffff, 0x12345, U32, 5_000_000_000];
const SIGNED_CONSTANTS = ["-1n", "-3n", "-0x80000000n", "-0x8000000000000000n"];
const BIG_CONSTANTS = ["0n", "1n", "7n", "0xffffffffn", "1_000_000_000n", "0xffffffffffffffffn"];

/** Functions that vanish: their function arguments and types are known when the program is compiled. */
const GENERICS = [
  "function twice(x: number, f: (x: number) => number): number {",
  "  return f(f(x));",
  "}",
  "function select<T>(condition: boolean, a: T, b: T): T {",
  "  if (condition) return a;",
  "  return b;",
  "}",
  "function total<T>(items: readonly T[], of: (item: T) => number): number {",
  "  let sum = 0;",
  "  for (const item of items) sum = u32(sum + of(item));",
  "  return sum;",
  "}",
];

export function emptyModel(): ModuleModel {
  return {
    structs: [],
    maps: [],
    helpers: [],
    numbers: [],
    bigs: [],
    signeds: [],
    addresses: [],
    globals: [],
    outcomes: ["first", "second", "third"],
    tables: [],
    functions: [],
  };
}

/** Writes declarations, and enters them into the model. */
export class Declarations extends Statements {
  constants(): string[] {
    const { module, random } = this;
    const lines: string[] = [];
    for (const value of CONSTANTS.filter(() => random.chance(0.5)).concat(17)) {
      const name = this.name("K");
      module.numbers.push({ text: name, min: value, max: value });
      lines.push(`export const ${name}: number = ${value};`);
    }
    for (const text of BIG_CONSTANTS.filter(() => random.chance(0.5))) {
      const name = this.name("W");
      module.bigs.push({ text: name, clean: true });
      lines.push(`export const ${name}: bigint = ${text};`);
    }
    for (const text of SIGNED_CONSTANTS.filter(() => random.chance(0.5))) {
      const name = this.name("M");
      module.signeds.push(name);
      lines.push(`export const ${name}: bigint = ${text};`);
    }
    for (const [family, texts] of Object.entries(ADDRESSES) as [keyof typeof ADDRESSES, readonly string[]][]) {
      for (const text of texts) {
        const name = this.name("A");
        module.addresses.push({ text: name, family });
        lines.push(`export const ${name}: ${TYPES[family]} = "${text}";`);
      }
    }
    return [...lines, ...this.#tables()];
  }

  #tables(): string[] {
    const { module, random } = this;
    const table = this.name("TABLE");
    const functions = this.name("FUNCTIONS");
    module.tables.push(table);
    module.functions.push(functions);
    const rows = Array.from(
      { length: random.between(1, 3) },
      () => `{ port: ${random.pick([0, 1, 53, 80, 443])}, weight: ${random.between(0, 999)} }`,
    );
    const makers = [
      `(x: number) => u32(x + ${random.between(1, 999)})`,
      `(x: number) => x & ${random.pick([0xff, 0xffff, 0x7fffffff])}`,
      `(x: number) => (x % 2 === 0 ? x >> 1 : u32(x * 3 + 1))`,
      `(x: number) => u32(Math.trunc(x / ${random.between(0, 9)}) ^ ${random.between(0, 999)})`,
    ];
    const chosen = makers.filter(() => random.chance(0.6)).concat(makers[0]!);
    return [
      `const ${table} = [${rows.join(", ")}];`,
      `const ${functions} = [`,
      ...indent(chosen.map((text) => `${text},`)),
      "];",
      ...GENERICS,
    ];
  }

  struct(): string[] {
    const { random, module } = this;
    const name = this.name("S");
    const fields: FieldModel[] = [];
    let size = 0;
    for (let i = random.between(2, 5); i > 0; i--) {
      const type = this.#fieldType();
      size += Math.ceil(sizeOf(type) / 8) * 8;
      fields.push({ name: `f${fields.length}`, type });
    }
    if (random.chance(0.4)) fields.push(...this.#bitFields(fields.length));
    size += 2;
    const getters = this.#getter(fields);
    module.structs.push({ name, fields, size, getters: getters.model });
    const list = fields.map((field) => `${field.name}: ${field.type.schema}`).join(", ");
    return [`export class ${name} extends struct({ ${list} }) {`, ...indent(getters.lines), "}"];
  }

  #getter(fields: readonly FieldModel[]): { readonly model: StructModel["getters"]; readonly lines: string[] } {
    const numbers = fields.filter(({ type }) => type.kind === "number");
    if (numbers.length < 2) return { model: [], lines: [] };
    const [a, b] = numbers as [
      FieldModel & { type: { min: number; max: number } },
      FieldModel & { type: { min: number; max: number } },
    ];
    const model = [{ name: "total", min: a.type.min + b.type.min, max: a.type.max + b.type.max }];
    return { model, lines: ["get total(): number {", `  return this.${a.name} + this.${b.name};`, "}"] };
  }

  #fieldType(): FieldType {
    const { random, module } = this;
    const small = module.structs.filter(({ size }) => size <= 24);
    const rows: [number, () => FieldType][] = [
      [8, () => random.pick(NUMBER_TYPES)],
      [4, () => random.pick(BIG_TYPES)],
      [1, () => BOOL],
      [2, () => random.pick(ADDRESS_TYPES)],
      [2, () => this.#arrayType()],
    ];
    if (small.length > 0)
      rows.push([
        2,
        () => {
          const struct = random.pick(small);
          return { kind: "struct", schema: struct.name, struct };
        },
      ]);
    return choose(random, rows);
  }

  #arrayType(): FieldType {
    const element = this.random.pick(NUMBER_TYPES.slice(0, 3));
    const length = this.random.between(2, 5);
    return { kind: "array", schema: `array(${element.schema}, ${length})`, element, length };
  }

  /** Whole bytes of bits. */
  #bitFields(from: number): FieldModel[] {
    const width = this.random.between(1, 6);
    const types = [bitsType(width), FLAG, ...(width < 7 ? [bitsType(7 - width)] : [])];
    return types.map((type, i) => ({ name: `f${from + i}`, type }));
  }

  maps(): string[] {
    const { random, module } = this;
    const lines = [
      'export const outcomes = new Outcomes(["first", "second", "third"]);',
      "export const ports = new DevHashMap({ maxEntries: 8 });",
    ];
    for (let i = random.between(2, 4); i > 0; i--) {
      const name = this.name("map");
      const type = random.pick(["HashMap", "HashMap", "LruHashMap", "ArrayMap", "PerCpuArray"] as const);
      const key = type === "HashMap" || type === "LruHashMap" ? this.#keyType() : undefined;
      const value = random.chance(0.25) ? NUMBER_TYPES[2]! : random.pick(module.structs);
      const maxEntries = key ? 256 : random.pick([1, 2, 4, 8]);
      module.maps.push({ name, type, key, value, maxEntries } satisfies MapModel);
      const schema = "schema" in value ? value.schema : value.name;
      const keyed = key ? `key: ${key.schema}, ` : "";
      lines.push(`export const ${name} = new ${type}({ ${keyed}value: ${schema}, maxEntries: ${maxEntries} });`);
    }
    return [...lines, ...this.#globals()];
  }

  #keyType(): FieldType {
    const { random, module } = this;
    const flat = module.structs.filter(({ fields }) =>
      fields.every(({ type }) => ["number", "address"].includes(type.kind)),
    );
    const rows: [number, () => FieldType][] = [
      [3, () => NUMBER_TYPES[2]!],
      [1, () => random.pick([NUMBER_TYPES[0]!, NUMBER_TYPES[6]!, BIG_TYPES[0]!])],
      [3, () => random.pick(ADDRESS_TYPES)],
    ];
    if (flat.length > 0)
      rows.push([
        4,
        () => {
          const struct = random.pick(flat);
          return { kind: "struct", schema: struct.name, struct };
        },
      ]);
    return choose(random, rows);
  }

  #globals(): string[] {
    const { random, module } = this;
    const types = [NUMBER_TYPES[2]!, NUMBER_TYPES[5]!, BIG_TYPES[0]!, BIG_TYPES[1]!].filter(() => random.chance(0.6));
    return types.map((type) => {
      const isSetting = random.chance(0.3);
      const name = this.name(isSetting ? "setting" : "global");
      module.globals.push({ name, type, isSetting });
      const initial = type.kind === "number" ? "7" : type.kind === "big" && type.signed ? "-9n" : "9n";
      return `export const ${name} = ${isSetting ? "setting" : "global"}(${type.schema}, ${initial});`;
    });
  }

  helper(kind: HelperKind): string[] {
    const name = this.name("helper");
    const parameters = this.random.between(1, 2);
    const struct = kind === "place" ? this.random.pick(this.module.structs) : this.random.pick(HEADERS);
    const lines =
      kind === "header" ? this.#headerHelper(name, struct) : this.#plainHelper(name, kind, parameters, struct);
    const needsStruct = kind === "place" || kind === "header";
    this.module.helpers.push({
      name,
      kind,
      parameters: kind === "header" ? 0 : parameters,
      ...(needsStruct ? { struct } : {}),
    });
    return lines;
  }

  /** Several returns; it sees its parameters and the module only. */
  #plainHelper(name: string, kind: HelperKind, count: number, struct: StructModel): string[] {
    const { random } = this;
    const scope = new Scope();
    const names = Array.from({ length: count }, (_, i) => `x${i}`);
    scope.numbers.push(...names.map((text) => ({ text, min: 0, max: U32 })));
    const list = names.map((text) => `${text}: number`);
    if (kind === "place") {
      list.unshift(`place: ${struct.name}`);
      // Where it lies is not known here: neither atomics nor `+=`.
      this.addPlace(scope, "place", struct, "stack");
    }
    const result = {
      number: "number",
      place: "number",
      nullable: "number | null",
      record: "{ first: number; second: number } | null",
      header: "",
    }[kind];
    const leave = (from: Scope): string => {
      if ((kind === "nullable" || kind === "record") && random.chance(0.4)) return "return null;";
      if (kind === "record") return `return { first: ${this.u32(from, 1).text}, second: ${this.u32(from, 2).text} };`;
      return `return ${this.u32(from, 2).text};`;
    };
    this.hasContext = false;
    const choice = `if (${this.bool(scope, 2)}) ${leave(scope)}`;
    const body = this.block(random.between(1, 4), { scope, depth: 1, leave, isLoop: false, rounds: 1 });
    const early = random.chance(0.3) ? [`if (${this.bool(scope, 1)}) exit(outcomes.drop("third"));`] : [];
    this.hasContext = true;
    const last =
      kind === "record"
        ? `return { first: ${names[0]}, second: ${this.#plainNumber(scope)} };`
        : `return ${this.#plainNumber(scope)};`;
    return [`function ${name}(${list.join(", ")}): ${result} {`, ...indent([choice, ...body, ...early, last]), "}"];
  }

  #plainNumber(scope: Scope): string {
    this.hasContext = false;
    const { text } = this.u32(scope, 2);
    this.hasContext = true;
    return text;
  }

  #headerHelper(name: string, struct: StructModel): string[] {
    return [
      `function ${name}(ctx: XdpContext, at: number): { place: ${struct.name}; rest: number } | null {`,
      `  const place = ctx.header(${struct.name}, at);`,
      "  if (!place) return null;",
      "  const next = ctx.header(u8, at + 64);",
      "  return { place, rest: next ? next.value + at : at };",
      "}",
    ];
  }
}

function sizeOf(type: FieldType): number {
  if (type.kind === "struct") return type.struct.size;
  if (type.kind === "array") return type.length * (SIZES[type.element.schema] ?? 4);
  return SIZES[type.schema] ?? 1;
}
