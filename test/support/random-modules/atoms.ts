/**
 * The leaves of random expressions: literals, names in scope, what places hold; and numbers made to fit a range.
 *
 * Invariant: an index is in range, and an offset of 16 bits, by what the text itself says.
 */
import type { Random } from "../random.ts";
import {
  type AddressKind,
  type BigText,
  CASTS,
  choose,
  type FieldType,
  type ModuleModel,
  type NumberText,
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
/** Of signed bigints. */
const SIGNED_EDGES = [
  0n,
  1n,
  5n,
  -1n,
  -2n,
  -128n,
  -0x80000000n,
  -0x100000000n,
  0x7fffffffffffffffn,
  -0x7fffffffffffffffn,
  -0x8000000000000000n,
];

export const pow2Above = (value: number): number => 2 ** Math.ceil(Math.log2(value + 1));

export abstract class Atoms {
  readonly random: Random;
  readonly module: ModuleModel;
  /** Whether `ctx` is in scope. */
  hasContext = true;

  constructor(random: Random, module: ModuleModel) {
    this.random = random;
    this.module = module;
  }

  abstract number(scope: Scope, depth: number): NumberText;
  abstract bool(scope: Scope, depth: number): string;

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

  protected nonNegative(value: NumberText): NumberText {
    return value.min >= 0 ? value : this.fit(value, 0, U32);
  }

  /** Below 1024, or seldom any of 16 bits: a constant, or a variable part that a mask bounds. */
  offset(scope: Scope): string {
    if (this.random.chance(0.05)) return `${this.numberAtom(scope).text} & 0xffff`;
    const base = this.random.pick([0, 0, 12, 14, 14, 20, 34, 40]);
    if (this.random.chance(0.6)) return String(base);
    const mask = this.random.pick([1, 7, 31, 63, 255]);
    return `${base} + (${this.numberAtom(scope).text} & ${mask})`;
  }

  protected numberAtom(scope: Scope): NumberText {
    const rows: [number, () => NumberText][] = [[2, () => this.literal()]];
    const variables = scope.all("numbers");
    if (variables.length > 0) rows.push([8, () => this.random.pick(variables)]);
    if (this.module.numbers.length > 0) rows.push([2, () => this.random.pick(this.module.numbers)]);
    const fields = this.fieldsOf(scope, "number");
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

  /** Every value of a kind that live places hold, as text; numbers with their range. */
  protected fieldsOf(
    scope: Scope,
    kind: "number" | "big" | "signed" | "bool" | AddressKind,
  ): { readonly text: string }[] {
    return scope.livePlaces().flatMap(({ name, struct }) => this.valuesIn(name, struct, kind, scope));
  }

  protected valuesIn(name: string, struct: StructModel, kind: string, scope: Scope): { readonly text: string }[] {
    const found = struct.fields.flatMap((field) =>
      this.valuesOfField(`${name}.${field.name}`, field.type, kind, scope),
    );
    const getters =
      kind === "number" ? struct.getters.map((getter) => ({ ...getter, text: `${name}.${getter.name}` })) : [];
    return [...found, ...getters];
  }

  protected valuesOfField(path: string, type: FieldType, kind: string, scope: Scope): { readonly text: string }[] {
    switch (type.kind) {
      case "number":
        return kind === "number" ? [{ text: path, min: type.min, max: type.max } as NumberText] : [];
      case "array":
        return kind === "number" ? [this.element(path, type, scope)] : [];
      case "big":
        return kind === (type.signed ? "signed" : "big") ? [{ text: path }] : [];
      case "bool":
        return kind === "bool" ? [{ text: path }] : [];
      case "address":
        return kind === type.family ? [{ text: path }] : [];
      case "struct":
        return this.valuesIn(path, type.struct, kind, scope);
    }
  }

  protected element(
    path: string,
    { element, length }: Extract<FieldType, { kind: "array" }>,
    scope: Scope,
  ): NumberText {
    const { min, max } = element;
    return { text: `${path}[${this.index(length, scope)}]!`, min, max };
  }

  /** In range of so many elements. */
  index(length: number, scope: Scope): string {
    const loops = scope
      .all("numbers")
      .filter((one) => one.cast === undefined && !one.isLoose && one.min >= 0 && one.max < length);
    if (loops.length > 0 && this.random.chance(0.5)) return this.random.pick(loops).text;
    const mask = pow2Above(length) / 2 - 1;
    const variables = scope.all("numbers");
    if (variables.length > 0 && mask > 0 && this.random.chance(0.4))
      return `${this.random.pick(variables).text} & ${mask}`;
    return String(this.random.between(0, length - 1));
  }

  bigLiteral(): BigText {
    const { random } = this;
    const value = random.chance(0.6) ? random.pick(BIG_EDGES) : (BigInt(random.u32()) << 32n) | BigInt(random.u32());
    return { text: `${value}n`, clean: true };
  }

  /** Below zero it is signed as it stands. */
  protected signedLiteral(): string {
    const { random } = this;
    const value = random.chance(0.7)
      ? random.pick(SIGNED_EDGES)
      : BigInt.asIntN(64, (BigInt(random.u32()) << 32n) | BigInt(random.u32()));
    return value < 0n && random.chance(0.6) ? `(${value}n)` : `i64(${value}n)`;
  }

  protected signedAtom(scope: Scope): string {
    const { random, module } = this;
    const known = [...this.fieldsOf(scope, "signed"), ...scope.all("signeds")].map(({ text }) => text);
    const constants = module.signeds.length > 0 && random.chance(0.2) ? module.signeds : [];
    const globals = module.globals.filter(({ type }) => type.kind === "big" && type.signed);
    const names = [...known, ...constants, ...globals.map(({ name }) => `${name}.value`)];
    return names.length > 0 && random.chance(0.7) ? random.pick(names) : this.signedLiteral();
  }

  protected bigAtom(scope: Scope, clean: boolean): BigText {
    const rows: [number, () => BigText][] = [
      [2, () => this.bigLiteral()],
      [3, () => ({ text: `u64(${this.nonNegative(this.numberAtom(scope)).text})`, clean: true })],
    ];
    const variables = scope.all("bigs").filter((variable) => !clean || variable.clean);
    if (variables.length > 0) rows.push([6, () => this.random.pick(variables)]);
    if (this.module.bigs.length > 0) rows.push([2, () => this.random.pick(this.module.bigs)]);
    const fields = this.fieldsOf(scope, "big");
    if (fields.length > 0) rows.push([6, () => ({ text: this.random.pick(fields).text, clean: true })]);
    return choose(this.random, rows);
  }

  address(scope: Scope, family: AddressKind): string {
    const fields = this.fieldsOf(scope, family).map(({ text }) => text);
    const variables = scope
      .all("addresses")
      .filter((one) => one.family === family)
      .map(({ text }) => text);
    const known = [...fields, ...variables];
    if (known.length > 0 && this.random.chance(0.7)) return this.random.pick(known);
    if (known.length > 1 && this.random.chance(0.3))
      return `select(${this.bool(scope, 0)}, ${this.random.pick(known)}, ${this.random.pick(known)})`;
    if (family === "ipv4" && this.random.chance(0.2)) return `ipv4Address(${this.u32(scope, 0).text})`;
    return this.random.pick(this.module.addresses.filter((one) => one.family === family)).text;
  }
}
