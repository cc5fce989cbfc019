/**
 * Random expressions that the language accepts, each with the range of its value.
 *
 * What it refuses is never written: a product that may pass 2^53, `>>`, `%` and division of a number that may be
 * negative, a compared difference of bigints, an index that may be out of range, a constant that does not fit.
 */
import type { Random } from "../random.ts";
import {
  type AddressKind,
  type BigText,
  CASTS,
  choose,
  type FieldModel,
  type FieldType,
  LIMIT,
  type ModuleModel,
  type NumberText,
  type PlaceName,
  type Scope,
  type StructModel,
  U32,
} from "./model.ts";

const EDGES = [
  0,
  1,
  2,
  3,
  7,
  8,
  15,
  63,
  127,
  128,
  255,
  256,
  1000,
  0x7fff,
  0x8000,
  0xffff,
  0x10000,
  0x7fffffff,
  0x80000000,
  U32,
];
const BIG_EDGES = [
  0n,
  1n,
  2n,
  255n,
  0xffffffffn,
  0x100000000n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffffffffffffn,
];
const ORDER = ["<", "<=", ">", ">="] as const;
const EQUALITY = ["===", "!=="] as const;

const pow2Above = (value: number): number => 2 ** Math.ceil(Math.log2(value + 1));

export class Expressions {
  readonly random: Random;
  readonly module: ModuleModel;
  /** Whether `ctx` is in scope. */
  hasContext = true;

  constructor(random: Random, module: ModuleModel) {
    this.random = random;
    this.module = module;
  }

  // Numbers

  literal(max = U32): NumberText {
    const { random } = this;
    const fitting = EDGES.filter((edge) => edge <= max);
    const value = random.chance(0.6) ? random.pick(fitting) : random.u32() % (Math.min(max, U32) + 1);
    return {
      text: random.chance(0.2) ? `0x${value.toString(16)}` : String(value),
      min: value,
      max: value,
      literal: true,
    };
  }

  number(scope: Scope, depth: number): NumberText {
    if (depth <= 0) return this.#numberAtom(scope);
    const sub = (): NumberText => this.number(scope, depth - 1);
    const rows: [number, () => NumberText][] = [
      [3, () => this.#numberAtom(scope)],
      [6, () => this.#sum(sub(), sub())],
      [4, () => this.#product(sub(), sub())],
      [3, () => this.#remainder(sub(), sub())],
      [3, () => this.#quotient(sub(), sub())],
      [8, () => this.#bitwise(sub(), sub())],
      [5, () => this.#shift(sub())],
      [4, () => this.cast(sub().text)],
      [3, () => this.#extreme(sub(), sub())],
      [3, () => this.#conditional(scope, depth, sub(), sub())],
      [2, () => this.cast(this.big(scope, depth - 1).text)],
      [1, () => this.#negated(sub())],
      [2, () => this.#hashed(scope, sub())],
      [2, () => this.#called(scope, depth)],
      [2, () => this.#nullish(scope, depth)],
    ];
    return choose(this.random, rows);
  }

  /** A number of which the range is inside `min` to `max`; masked or cast when it was not. */
  fit(value: NumberText, min: number, max: number): NumberText {
    if (value.min >= min && value.max <= max) return value;
    const cast = Object.entries(CASTS).find(([, range]) => range[0] === min && range[1] === max);
    if (cast && (min < 0 || this.random.chance(0.5))) return { text: `${cast[0]}(${value.text})`, min, max };
    if (min > 0) return { text: `(${min} + (${value.text} & ${pow2Above(max - min + 1) / 2 - 1}))`, min, max };
    const mask = Math.min(U32, pow2Above(max + 1) / 2 - 1);
    if (min < 0) return { text: `i8(${value.text})`, min: -0x80, max: 0x7f };
    return { text: `(${value.text} & 0x${mask.toString(16)})`, min: 0, max: mask };
  }

  u32(scope: Scope, depth: number): NumberText {
    return this.fit(this.number(scope, depth), 0, U32);
  }

  cast(text: string): NumberText {
    const name = this.random.pick(Object.keys(CASTS));
    const [min, max] = CASTS[name]!;
    return { text: `${name}(${text})`, min, max };
  }

  #nonNegative(value: NumberText): NumberText {
    return value.min >= 0 ? value : this.fit(value, 0, U32);
  }

  #sum(a: NumberText, b: NumberText): NumberText {
    const operator = this.random.pick(["+", "-"] as const);
    const [min, max] = operator === "+" ? [a.min + b.min, a.max + b.max] : [a.min - b.max, a.max - b.min];
    if (min < -LIMIT || max > LIMIT) return this.#sum(this.fit(a, 0, U32), this.fit(b, 0, U32));
    return { text: `(${a.text} ${operator} ${b.text})`, min, max };
  }

  #product(a: NumberText, b: NumberText): NumberText {
    const corners = [a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max];
    const [min, max] = [Math.min(...corners), Math.max(...corners)];
    if (min < -LIMIT || max > LIMIT) return this.#product(this.fit(a, 0, U32), this.fit(b, 0, 0xffff));
    return { text: `(${a.text} * ${b.text})`, min: min + 0, max: max + 0 };
  }

  #remainder(left: NumberText, right: NumberText): NumberText {
    const [a, b] = [this.#nonNegative(left), this.#nonNegative(right)];
    return { text: `(${a.text} % ${b.text})`, min: 0, max: b.min > 0 ? Math.min(a.max, b.max - 1) : a.max };
  }

  #quotient(left: NumberText, right: NumberText): NumberText {
    const [a, b] = [this.#nonNegative(left), this.#nonNegative(right)];
    return { text: `Math.trunc(${a.text} / ${b.text})`, min: 0, max: a.max };
  }

  #bitwise(a: NumberText, b: NumberText): NumberText {
    const operator = this.random.pick(["&", "|", "^", "~"] as const);
    if (operator === "~") return { text: `(~${a.text})`, min: 0, max: U32 };
    const text = `(${a.text} ${operator} ${b.text})`;
    const ranged = [a, b].filter(({ min, max }) => min >= 0 && max <= U32).map(({ max }) => max);
    if (operator === "&") return { text, min: 0, max: Math.min(U32, ...ranged) };
    return { text, min: 0, max: ranged.length === 2 ? pow2Above(Math.max(...ranged)) - 1 : U32 };
  }

  #shift(value: NumberText): NumberText {
    const count = this.random.between(0, 31);
    const operator = this.random.pick(["<<", ">>", ">>>"] as const);
    if (operator === "<<") return { text: `(${value.text} << ${count})`, min: 0, max: U32 };
    const a = this.#nonNegative(value);
    const max = Math.floor(Math.min(a.max, U32) / 2 ** count);
    return { text: `(${a.text} ${operator} ${count})`, min: 0, max };
  }

  #extreme(a: NumberText, b: NumberText): NumberText {
    const name = this.random.pick(["min", "max"] as const);
    const pick = Math[name];
    return { text: `Math.${name}(${a.text}, ${b.text})`, min: pick(a.min, b.min), max: pick(a.max, b.max) };
  }

  #conditional(scope: Scope, depth: number, a: NumberText, b: NumberText): NumberText {
    const text = `(${this.bool(scope, depth - 1)} ? ${a.text} : ${b.text})`;
    const literal = a.literal === true && b.literal === true;
    return { text, min: Math.min(a.min, b.min), max: Math.max(a.max, b.max), literal };
  }

  #negated(value: NumberText): NumberText {
    return { text: `(-${value.text})`, min: 0 - value.max, max: 0 - value.min, literal: value.literal === true };
  }

  #hashed(scope: Scope, seed: NumberText): NumberText {
    const word = (): string => this.fit(this.#numberAtom(scope), 0, U32).text;
    const family = this.random.pick(["mac", "ipv4", "ipv6"] as const);
    const rows: [number, () => NumberText][] = [
      [2, () => ({ text: `jhash(${word()}, ${this.fit(seed, 0, U32).text})`, min: 0, max: U32 })],
      [2, () => ({ text: `jhash(${this.address(scope, family === "mac" ? "ipv4" : family)}, 5)`, min: 0, max: U32 })],
      [1, () => ({ text: `jhashWords(${word()}, ${word()}, ${word()}, 1)`, min: 0, max: U32 })],
      [1, () => ({ text: `u32(${this.address(scope, "ipv4")})`, min: 0, max: U32 })],
      [
        1,
        () => ({
          text: `checksumReplace(${this.fit(seed, 0, 0xffff).text}, ${word()}, ${word()})`,
          min: 0,
          max: 0xffff,
        }),
      ],
    ];
    return choose(this.random, rows);
  }

  #called(scope: Scope, depth: number): NumberText {
    const helper = this.module.helpers.find(({ kind }) => kind === "number");
    if (!helper || !this.hasContext) return this.#numberAtom(scope);
    return { text: `${helper.name}(${this.arguments(scope, helper.parameters, depth)})`, min: 0, max: U32 };
  }

  /** Arguments of type u32. */
  arguments(scope: Scope, count: number, depth: number): string {
    return Array.from({ length: count }, () => this.u32(scope, depth - 1).text).join(", ");
  }

  #nullish(scope: Scope, depth: number): NumberText {
    const helper = this.module.helpers.find(({ kind }) => kind === "nullable");
    const rows: [number, () => NumberText][] = [];
    if (helper && this.hasContext) {
      const values = this.arguments(scope, helper.parameters, depth);
      rows.push([2, () => ({ text: `(${helper.name}(${values}) ?? ${this.literal().text})`, min: 0, max: U32 })]);
    }
    if (this.hasContext) {
      const [schema, max] = this.random.pick([
        ["u8", 0xff],
        ["be16", 0xffff],
        ["be32", U32],
        ["u32", U32],
      ] as const);
      const text = `(ctx.header(${schema}, ${this.offset(scope)})?.value ?? ${this.literal(max).text})`;
      rows.push([2, () => ({ text, min: 0, max })]);
    }
    return rows.length === 0 ? this.#numberAtom(scope) : choose(this.random, rows);
  }

  /** Below 1024: a constant, or a variable part that a mask bounds. */
  offset(scope: Scope): string {
    const base = this.random.pick([0, 0, 12, 14, 14, 20, 34, 40]);
    if (this.random.chance(0.6)) return String(base);
    const mask = this.random.pick([1, 7, 31, 63, 255]);
    return `${base} + (${this.#numberAtom(scope).text} & ${mask})`;
  }

  #numberAtom(scope: Scope): NumberText {
    const rows: [number, () => NumberText][] = [[3, () => this.literal()]];
    const variables = scope.all("numbers");
    if (variables.length > 0) rows.push([8, () => this.random.pick(variables)]);
    if (this.module.numbers.length > 0) rows.push([2, () => this.random.pick(this.module.numbers)]);
    const fields = this.#fieldsOf(scope, "number");
    if (fields.length > 0) rows.push([8, () => this.random.pick(fields) as NumberText]);
    if (this.hasContext) {
      rows.push([1, () => ({ text: "ctx.length", min: 0, max: U32 })]);
      rows.push([1, () => ({ text: this.random.pick(["ctx.ingressInterface", "ctx.rxQueue"]), min: 0, max: U32 })]);
    }
    const globals = this.module.globals.filter(({ type }) => type.kind === "number");
    if (globals.length > 0)
      rows.push([
        1,
        () => {
          const { name, type } = this.random.pick(globals);
          return {
            text: `${name}.value`,
            min: (type as NumberText & FieldType).min,
            max: (type as NumberText & FieldType).max,
          };
        },
      ]);
    return choose(this.random, rows);
  }

  // What places hold

  /** Every value of a kind that live places hold, as text; numbers with their range. */
  #fieldsOf(scope: Scope, kind: "number" | "big" | "signed" | "bool" | AddressKind): { readonly text: string }[] {
    return scope.livePlaces().flatMap(({ name, struct }) => this.#values(name, struct, kind, scope));
  }

  #values(name: string, struct: StructModel, kind: string, scope: Scope): { readonly text: string }[] {
    const found = struct.fields.flatMap((field) =>
      this.#valuesOfField(`${name}.${field.name}`, field.type, kind, scope),
    );
    const getters =
      kind === "number" ? struct.getters.map((getter) => ({ ...getter, text: `${name}.${getter.name}` })) : [];
    return [...found, ...getters];
  }

  #valuesOfField(path: string, type: FieldType, kind: string, scope: Scope): { readonly text: string }[] {
    switch (type.kind) {
      case "number":
        return kind === "number" ? [{ text: path, min: type.min, max: type.max } as NumberText] : [];
      case "array":
        return kind === "number" ? [this.#element(path, type, scope)] : [];
      case "big":
        return kind === (type.signed ? "signed" : "big") ? [{ text: path }] : [];
      case "bool":
        return kind === "bool" ? [{ text: path }] : [];
      case "address":
        return kind === type.family ? [{ text: path }] : [];
      case "struct":
        return this.#values(path, type.struct, kind, scope);
    }
  }

  #element(path: string, { element, length }: Extract<FieldType, { kind: "array" }>, scope: Scope): NumberText {
    const { min, max } = element;
    return { text: `${path}[${this.index(length, scope)}]!`, min, max };
  }

  /** In range of so many elements. */
  index(length: number, scope: Scope): string {
    const loops = scope.all("numbers").filter((one) => one.cast === undefined && one.min >= 0 && one.max < length);
    if (loops.length > 0 && this.random.chance(0.5)) return this.random.pick(loops).text;
    const mask = pow2Above(length) / 2 - 1;
    const variables = scope.all("numbers");
    if (variables.length > 0 && mask > 0 && this.random.chance(0.4))
      return `${this.random.pick(variables).text} & ${mask}`;
    return String(this.random.between(0, length - 1));
  }

  // Bigints

  bigLiteral(): BigText {
    const { random } = this;
    const value = random.chance(0.6) ? random.pick(BIG_EDGES) : (BigInt(random.u32()) << 32n) | BigInt(random.u32());
    return { text: `${value}n`, clean: true };
  }

  /** Unsigned; not a difference when `clean`. */
  big(scope: Scope, depth: number, clean = false): BigText {
    const sub = (): BigText => this.big(scope, depth - 1, clean);
    const any = (): BigText => this.big(scope, depth - 1);
    if (depth <= 0) return this.#bigAtom(scope, clean);
    const binary = (operator: string, a: BigText, b: BigText): BigText => ({
      text: `(${a.text} ${operator} ${b.text})`,
      clean: operator !== "-" && a.clean && b.clean,
    });
    const rows: [number, () => BigText][] = [
      [4, () => this.#bigAtom(scope, clean)],
      [5, () => binary(this.random.pick(["+", "*"]), sub(), sub())],
      [6, () => ({ ...binary(this.random.pick(["&", "|", "^", "/", "%"]), any(), any()), clean: true })],
      [3, () => ({ text: `(${any().text} >> ${this.random.between(1, 63)}n)`, clean: true })],
      [2, () => ({ text: `(${any().text} << ${this.random.between(0, 63)}n)`, clean: true })],
      [4, () => this.#widened(scope, depth)],
      [1, () => ({ text: `u64(${this.address(scope, "mac")})`, clean: true })],
    ];
    if (!clean) {
      rows.push([6, () => binary("-", sub(), sub())]);
      rows.push([1, () => ({ text: `(-${sub().text})`, clean: false })]);
      rows.push([1, () => ({ text: `(~${sub().text})`, clean: false })]);
      rows.push([2, () => ({ text: `u64(${this.signed(scope, depth - 1)})`, clean: false })]);
      rows.push([
        2,
        () => {
          const [a, b] = [sub(), sub()];
          return { text: `(${this.bool(scope, depth - 1)} ? ${a.text} : ${b.text})`, clean: a.clean && b.clean };
        },
      ]);
    }
    return choose(this.random, rows);
  }

  #widened(scope: Scope, depth: number): BigText {
    const value = this.#nonNegative(this.number(scope, depth - 1));
    return { text: `${this.random.pick(["u64", "BigInt"])}(${value.text})`, clean: true };
  }

  #bigAtom(scope: Scope, clean: boolean): BigText {
    const rows: [number, () => BigText][] = [[2, () => this.bigLiteral()]];
    const variables = scope.all("bigs").filter((variable) => !clean || variable.clean);
    if (variables.length > 0) rows.push([6, () => this.random.pick(variables)]);
    if (this.module.bigs.length > 0) rows.push([2, () => this.random.pick(this.module.bigs)]);
    const fields = this.#fieldsOf(scope, "big");
    if (fields.length > 0) rows.push([6, () => ({ text: this.random.pick(fields).text, clean: true })]);
    return choose(this.random, rows);
  }

  /** A signed 64-bit expression. */
  signed(scope: Scope, depth: number): string {
    const fields = [...this.#fieldsOf(scope, "signed").map(({ text }) => text), ...scope.all("signeds")];
    if (depth > 0 && this.random.chance(0.5)) {
      const [a, b] = [this.signed(scope, depth - 1), this.signed(scope, depth - 1)];
      if (this.random.chance(0.2)) return `(${a} >> ${this.random.between(1, 63)}n)`;
      return `(${a} ${this.random.pick(["+", "-", "*", "&", "|", "^"])} ${b})`;
    }
    if (fields.length > 0 && this.random.chance(0.5)) return this.random.pick(fields);
    return `i64(${this.random.chance(0.5) ? this.big(scope, depth - 1).text : this.number(scope, depth - 1).text})`;
  }

  // Booleans

  bool(scope: Scope, depth: number): string {
    if (depth <= 0) return this.#boolAtom(scope);
    const sub = (): string => this.bool(scope, depth - 1);
    const rows: [number, () => string][] = [
      [2, () => this.#boolAtom(scope)],
      [8, () => this.#comparison(scope, depth)],
      [3, () => `(${sub()} && ${sub()})`],
      [3, () => `(${sub()} || ${sub()})`],
      [2, () => `!${sub()}`],
      [1, () => `(${sub()} ? ${sub()} : ${sub()})`],
    ];
    return choose(this.random, rows);
  }

  #boolAtom(scope: Scope): string {
    const atoms = [...scope.all("bools"), ...this.#fieldsOf(scope, "bool")].map(({ text }) => text);
    return atoms.length > 0 && this.random.chance(0.5) ? this.random.pick(atoms) : this.#comparison(scope, 0);
  }

  #comparison(scope: Scope, depth: number): string {
    const order = this.random.pick(ORDER);
    const equality = this.random.pick(EQUALITY);
    const big = (): string => this.big(scope, depth - 1, true).text;
    const rows: [number, () => string][] = [
      [5, () => `(${this.number(scope, depth - 1).text} ${order} ${this.number(scope, depth - 1).text})`],
      [5, () => `(${this.comparable(scope, depth)} ${equality} ${this.comparable(scope, depth)})`],
      [3, () => `(${big()} ${order} ${big()})`],
      [2, () => `(u64(${big()}) ${equality} ${big()})`],
      [1, () => `(${big()} ${order} ${this.#nonNegative(this.number(scope, depth - 1)).text})`],
      [2, () => `(${this.signed(scope, depth - 1)} ${order} ${this.signed(scope, depth - 1)})`],
      [1, () => `(${this.signed(scope, depth - 1)} ${order} 0n)`],
      [3, () => this.#addressTest(scope, equality)],
    ];
    return choose(this.random, rows);
  }

  /** A number that tsc does not know as a literal, so that it may be compared for equality with any other. */
  comparable(scope: Scope, depth: number): string {
    const value = this.number(scope, depth - 1);
    if (!value.literal) return value.text;
    return this.module.numbers.length > 0 ? this.random.pick(this.module.numbers).text : `u32(${value.text})`;
  }

  #addressTest(scope: Scope, equality: string): string {
    const family = this.random.pick(["mac", "ipv4", "ipv6"] as const);
    if (family === "ipv4" && this.random.chance(0.3))
      return `inPrefix(${this.address(scope, family)}, "10.0.0.0/${this.random.between(0, 32)}")`;
    if (family === "ipv6" && this.random.chance(0.3))
      return `inPrefix(${this.address(scope, family)}, "fc00:1::/${this.random.between(0, 128)}")`;
    return `(${this.address(scope, family)} ${equality} ${this.address(scope, family)})`;
  }

  // Addresses

  address(scope: Scope, family: AddressKind): string {
    const fields = this.#fieldsOf(scope, family).map(({ text }) => text);
    const variables = scope
      .all("addresses")
      .filter((one) => one.family === family)
      .map(({ text }) => text);
    const known = [...fields, ...variables];
    if (known.length > 0 && this.random.chance(0.8)) return this.random.pick(known);
    if (family === "ipv4" && this.random.chance(0.2)) return `ipv4Address(${this.u32(scope, 0).text})`;
    return this.random.pick(this.module.addresses.filter((one) => one.family === family)).text;
  }

  // Values for fields

  /** A value that may be stored in a field: numbers fit, or wrap in a sum with a value that is not known when compiled. */
  forField(scope: Scope, type: FieldType, depth: number, current?: string): string {
    switch (type.kind) {
      case "number": {
        if (current && this.random.chance(0.3))
          return `${current} ${this.random.pick(["+", "-"])} ${this.fit(this.number(scope, depth - 1), 0, 0xffff).text}`;
        return this.fit(this.number(scope, depth), type.min, type.max).text;
      }
      case "big":
        return type.signed ? `i64(${this.signed(scope, depth)})` : this.big(scope, depth).text;
      case "bool":
        return this.bool(scope, depth);
      case "address":
        return this.address(scope, type.family);
      case "array":
        return `[${Array.from({ length: type.length }, () => this.forField(scope, type.element, 0)).join(", ")}]`;
      case "struct":
        return this.#structValue(scope, type.struct, depth - 1);
    }
  }

  /** tsc wants getters as well where a record stands for a struct. */
  #structValue(scope: Scope, struct: StructModel, depth: number): string {
    const record = this.record(scope, struct, depth, false);
    return struct.getters.length === 0 && this.random.chance(0.6) ? record : `new ${struct.name}(${record})`;
  }

  /** `{ a: 1, b: 2n }`; `new S({...})` may leave fields out. */
  record(scope: Scope, struct: StructModel, depth: number, partial: boolean): string {
    const given = partial ? struct.fields.filter(() => this.random.chance(0.7)) : struct.fields;
    const fields = given.map(({ name, type }) => `${name}: ${this.forField(scope, type, depth)}`);
    return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
  }

  instance(scope: Scope, struct: StructModel, depth: number): string {
    return `new ${struct.name}(${this.record(scope, struct, depth, true)})`;
  }

  /** A field of a place, with its path. */
  fieldOf({ name, struct }: PlaceName): FieldModel & { readonly path: string } {
    const field = this.random.pick(struct.fields);
    return { ...field, path: `${name}.${field.name}` };
  }
}
