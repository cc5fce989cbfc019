/**
 * Random expressions of the other types, and values for fields.
 *
 * What the language refuses is never written: a compared difference of bigints, a constant that does not fit its field;
 * and what tsc refuses: two literals compared for equality.
 */
import {
  type BigText,
  choose,
  type FieldModel,
  type FieldType,
  type PlaceName,
  type Scope,
  type StructModel,
} from "./model.ts";
import { NumberExpressions } from "./number-expressions.ts";

const ORDER = ["<", "<=", ">", ">="] as const;
const EQUALITY = ["===", "!=="] as const;

/** What is of the other sign wraps into a field, but for a constant, which must fit; and a name may stand for one. */
const wrapped = (isOther: boolean, cast: string, text: string): string =>
  isOther && /\b[MWbs]\d|\dn\b/.test(text) ? `${cast}(${text})` : text;

export class Expressions extends NumberExpressions {
  /** Unsigned; not a difference when `clean`. */
  big(scope: Scope, depth: number, clean = false): BigText {
    const sub = (): BigText => this.big(scope, depth - 1, clean);
    const any = (): BigText => this.big(scope, depth - 1);
    if (depth <= 0) return this.bigAtom(scope, clean);
    const binary = (operator: string, a: BigText, b: BigText): BigText => ({
      text: `(${a.text} ${operator} ${b.text})`,
      clean: operator !== "-" && a.clean && b.clean,
    });
    const rows: [number, () => BigText][] = [
      [4, () => this.bigAtom(scope, clean)],
      [5, () => binary(this.random.pick(["+", "*"]), sub(), sub())],
      [6, () => ({ ...binary(this.random.pick(["&", "|", "^", "/", "%"]), any(), any()), clean: true })],
      [3, () => ({ text: `(${any().text} >> ${this.random.between(1, 63)}n)`, clean: true })],
      [2, () => ({ text: `(${any().text} << ${this.random.between(0, 63)}n)`, clean: true })],
      [4, () => this.widened(scope, depth)],
      [1, () => ({ text: `u64(${this.address(scope, "mac")})`, clean: true })],
      [
        1,
        () => {
          const half = this.random.pick(["high", "low"]);
          return { text: `Ipv6Halves.from(${this.address(scope, "ipv6")}).${half}`, clean: true };
        },
      ],
    ];
    if (!clean) {
      rows.push([6, () => binary("-", sub(), sub())]);
      rows.push([1, () => ({ text: `u64(-${sub().text})`, clean: true })]);
      rows.push([1, () => ({ text: `(~${sub().text})`, clean: false })]);
      rows.push([2, () => ({ text: `u64(${this.signed(scope, depth - 1)})`, clean: true })]);
      rows.push([1, () => ({ text: `(${this.signed(scope, depth - 1)} & ${sub().text})`, clean: true })]);
      rows.push([1, () => ({ text: `(${sub().text} >> ${this.signedCount()})`, clean: true })]);
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

  protected widened(scope: Scope, depth: number): BigText {
    const value = this.nonNegative(this.number(scope, depth - 1));
    return { text: `${this.random.pick(["u64", "BigInt"])}(${value.text})`, clean: true };
  }

  /** A signed 64-bit expression. */
  signed(scope: Scope, depth: number): string {
    if (depth <= 0) return this.signedAtom(scope);
    const sub = (): string => this.signed(scope, depth - 1);
    const big = (): string => this.big(scope, depth - 1).text;
    const pick = (operators: readonly string[]): string => this.random.pick(operators);
    const rows: [number, () => string][] = [
      [4, () => this.signedAtom(scope)],
      [5, () => `(${sub()} ${pick(["+", "-", "*", "&", "|", "^"])} ${sub()})`],
      [1, () => `(${sub()} ${pick(["+", "-", "*", "|", "^"])} ${big()})`],
      [1, () => `(${big()} ${pick(["+", "-", "*", "|", "^"])} ${sub()})`],
      [2, () => `(${sub()} ${pick(["<<", ">>"])} ${this.random.between(0, 63)}n)`],
      [1, () => `(-${this.random.chance(0.5) ? sub() : big()})`],
      [1, () => `(~${sub()})`],
      [1, () => `(${this.bool(scope, depth - 1)} ? ${sub()} : ${sub()})`],
      [1, () => `select<bigint>(${this.bool(scope, depth - 1)}, ${sub()}, ${sub()})`],
      [3, () => `i64(${this.random.chance(0.5) ? big() : this.number(scope, depth - 1).text})`],
    ];
    return choose(this.random, rows);
  }

  protected signedCount(): string {
    return `i64(${this.random.between(0, 63)}n)`;
  }

  bool(scope: Scope, depth: number): string {
    if (depth <= 0) return this.boolAtom(scope);
    const sub = (): string => this.bool(scope, depth - 1);
    const rows: [number, () => string][] = [
      [2, () => this.boolAtom(scope)],
      [8, () => this.comparison(scope, depth)],
      [3, () => `(${sub()} && ${sub()})`],
      [3, () => `(${sub()} || ${sub()})`],
      [2, () => `!${sub()}`],
      [1, () => `(${sub()} ? ${sub()} : ${sub()})`],
    ];
    return choose(this.random, rows);
  }

  protected boolAtom(scope: Scope): string {
    const atoms = [...scope.all("bools"), ...this.fieldsOf(scope, "bool")].map(({ text }) => text);
    return atoms.length > 0 && this.random.chance(0.5) ? this.random.pick(atoms) : this.comparison(scope, 0);
  }

  protected comparison(scope: Scope, depth: number): string {
    const order = this.random.pick(ORDER);
    const equality = this.random.pick(EQUALITY);
    // `x < 0n`, so written, is refused.
    const big = (): string => this.big(scope, depth - 1, true).text.replace(/^\(*0n\)*$/, "1n");
    const rows: [number, () => string][] = [
      [5, () => `(${this.number(scope, depth - 1).text} ${order} ${this.number(scope, depth - 1).text})`],
      [5, () => `(${this.comparable(scope, depth)} ${equality} ${this.comparable(scope, depth)})`],
      [3, () => `(${big()} ${order} ${big()})`],
      [2, () => `(u64(${big()}) ${equality} ${big()})`],
      [1, () => `(${big()} ${order} ${this.nonNegative(this.number(scope, depth - 1)).text})`],
      [2, () => `(${this.signed(scope, depth - 1)} ${order} ${this.signed(scope, depth - 1)})`],
      [2, () => `(i64(${this.signed(scope, depth - 1)}) ${equality} ${this.signed(scope, depth - 1)})`],
      [2, () => this.mixed(scope, depth, order, big)],
      [1, () => `(u64(${big()}) ${equality} ${this.signed(scope, depth - 1)})`],
      [1, () => `(${this.signed(scope, depth - 1)} ${order} 0n)`],
      [3, () => this.addressTest(scope, equality)],
    ];
    return choose(this.random, rows);
  }

  /** Operands of different signs, in either order: they are compared by value. */
  protected mixed(scope: Scope, depth: number, order: string, big: () => string): string {
    const signed = (): string => this.signed(scope, depth - 1);
    const number = (): string => this.number(scope, depth - 1).text;
    const pair = this.random
      .pick([
        [signed, big],
        [signed, number],
        [big, number],
      ])
      .map((make) => make());
    const [a, b] = this.random.chance(0.5) ? pair : pair.toReversed();
    return `(${a} ${order} ${b})`;
  }

  /** A number that tsc does not know as a literal, so that it may be compared for equality with any other. */
  comparable(scope: Scope, depth: number): string {
    const value = this.number(scope, depth - 1);
    if (!value.literal) return value.text;
    return this.module.numbers.length > 0 ? this.random.pick(this.module.numbers).text : `u32(${value.text})`;
  }

  protected addressTest(scope: Scope, equality: string): string {
    const family = this.random.pick(["mac", "ipv4", "ipv6"] as const);
    if (family === "ipv4" && this.random.chance(0.3))
      return `inPrefix(${this.address(scope, family)}, "10.0.0.0/${this.random.between(0, 32)}")`;
    if (family === "ipv6" && this.random.chance(0.3))
      return `inPrefix(${this.address(scope, family)}, "fc00:1::/${this.random.between(0, 128)}")`;
    return `(${this.address(scope, family)} ${equality} ${this.address(scope, family)})`;
  }

  /** A value that may be stored in a field: numbers fit, or wrap in a sum with a value that is not known when compiled. */
  forField(scope: Scope, type: FieldType, depth: number, current?: string): string {
    switch (type.kind) {
      case "number": {
        if (current && this.random.chance(0.3))
          return `${current} ${this.random.pick(["+", "-"])} ${this.fit(this.number(scope, depth - 1), 0, 0xffff).text}`;
        return this.fit(this.number(scope, depth), type.min, type.max).text;
      }
      case "big":
        return this.random.chance(0.3) === type.signed
          ? wrapped(type.signed, "i64", this.big(scope, depth).text)
          : wrapped(!type.signed, "u64", this.signed(scope, depth));
      case "bool":
        return this.bool(scope, depth);
      case "address":
        return this.address(scope, type.family);
      case "array":
        return `[${Array.from({ length: type.length }, () => this.forField(scope, type.element, 0)).join(", ")}]`;
      case "struct":
        return this.structValue(scope, type.struct, depth - 1);
    }
  }

  /** tsc wants getters as well where a record stands for a struct. */
  protected structValue(scope: Scope, struct: StructModel, depth: number): string {
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
