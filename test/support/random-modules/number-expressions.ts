/**
 * Random numbers, each with the range of its value.
 *
 * What the language refuses is never written: a product that may pass 2^53, and `>>`, `%` and division of a number that
 * may be negative.
 */
import { Atoms, pow2Above } from "./atoms.ts";
import { type BigText, choose, HEADERS, LIMIT, type NumberText, type Scope, U32 } from "./model.ts";

export abstract class NumberExpressions extends Atoms {
  abstract big(scope: Scope, depth: number, clean?: boolean): BigText;

  number(scope: Scope, depth: number): NumberText {
    if (depth <= 0) return this.numberAtom(scope);
    const sub = (): NumberText => this.number(scope, depth - 1);
    const rows: [number, () => NumberText][] = [
      [3, () => this.numberAtom(scope)],
      [6, () => this.sum(sub(), sub())],
      [4, () => this.product(sub(), sub())],
      [3, () => this.remainder(sub(), sub())],
      [3, () => this.quotient(sub(), sub())],
      [8, () => this.bitwise(sub(), sub())],
      [5, () => this.shift(sub())],
      [4, () => this.cast(sub().text)],
      [3, () => this.extreme(sub(), sub())],
      [3, () => this.conditional(scope, depth, sub(), sub())],
      [2, () => this.cast(this.big(scope, depth - 1).text)],
      [1, () => this.negated(sub())],
      [2, () => this.hashed(scope, sub())],
      [2, () => this.called(scope, depth)],
      [2, () => this.nullish(scope, depth)],
    ];
    return choose(this.random, rows);
  }

  protected sum(a: NumberText, b: NumberText): NumberText {
    const operator = this.random.pick(["+", "-"] as const);
    const [min, max] = operator === "+" ? [a.min + b.min, a.max + b.max] : [a.min - b.max, a.max - b.min];
    if (min < -LIMIT || max > LIMIT) return this.sum(this.fit(a, 0, U32), this.fit(b, 0, U32));
    return { text: `(${a.text} ${operator} ${b.text})`, min, max };
  }

  protected product(a: NumberText, b: NumberText): NumberText {
    const corners = [a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max];
    const [min, max] = [Math.min(...corners), Math.max(...corners)];
    if (min < -LIMIT || max > LIMIT) return this.product(this.fit(a, 0, U32), this.fit(b, 0, 0xffff));
    return { text: `(${a.text} * ${b.text})`, min: min + 0, max: max + 0 };
  }

  protected remainder(left: NumberText, right: NumberText): NumberText {
    const [a, b] = [this.nonNegative(left), this.nonNegative(right)];
    return { text: `(${a.text} % ${b.text})`, min: 0, max: b.min > 0 ? Math.min(a.max, b.max - 1) : a.max };
  }

  protected quotient(left: NumberText, right: NumberText): NumberText {
    const [a, b] = [this.nonNegative(left), this.nonNegative(right)];
    return { text: `Math.trunc(${a.text} / ${b.text})`, min: 0, max: a.max };
  }

  protected bitwise(a: NumberText, b: NumberText): NumberText {
    const operator = this.random.pick(["&", "|", "^", "~"] as const);
    if (operator === "~") return { text: `(~${a.text})`, min: 0, max: U32 };
    const text = `(${a.text} ${operator} ${b.text})`;
    const ranged = [a, b].filter(({ min, max }) => min >= 0 && max <= U32).map(({ max }) => max);
    if (operator === "&") return { text, min: 0, max: Math.min(U32, ...ranged) };
    return { text, min: 0, max: ranged.length === 2 ? pow2Above(Math.max(...ranged)) - 1 : U32 };
  }

  protected shift(value: NumberText): NumberText {
    const count = this.random.between(0, 31);
    const operator = this.random.pick(["<<", ">>", ">>>"] as const);
    if (operator === "<<") return { text: `(${value.text} << ${count})`, min: 0, max: U32 };
    const a = this.nonNegative(value);
    const max = Math.floor(Math.min(a.max, U32) / 2 ** count);
    return { text: `(${a.text} ${operator} ${count})`, min: 0, max };
  }

  protected extreme(a: NumberText, b: NumberText): NumberText {
    const name = this.random.pick(["min", "max"] as const);
    const pick = Math[name];
    return { text: `Math.${name}(${a.text}, ${b.text})`, min: pick(a.min, b.min), max: pick(a.max, b.max) };
  }

  protected conditional(scope: Scope, depth: number, a: NumberText, b: NumberText): NumberText {
    const condition = this.bool(scope, depth - 1);
    const generic = this.random.chance(0.2);
    const text = generic ? `select(${condition}, ${a.text}, ${b.text})` : `(${condition} ? ${a.text} : ${b.text})`;
    const literal = a.literal === true && b.literal === true;
    return { text, min: Math.min(a.min, b.min), max: Math.max(a.max, b.max), literal };
  }

  protected negated(value: NumberText): NumberText {
    return { text: `(-${value.text})`, min: 0 - value.max, max: 0 - value.min, literal: value.literal === true };
  }

  protected hashed(scope: Scope, seed: NumberText): NumberText {
    const word = (): string => this.fit(this.numberAtom(scope), 0, U32).text;
    const family = this.random.pick(["mac", "ipv4", "ipv6"] as const);
    const piece = (): string =>
      this.random.chance(0.5) ? word() : this.address(scope, this.random.pick(["ipv4", "ipv6"] as const));
    const rows: [number, () => NumberText][] = [
      [2, () => ({ text: `jhash(${word()}, ${this.fit(seed, 0, U32).text})`, min: 0, max: U32 })],
      [2, () => ({ text: `jhash(${this.address(scope, family === "mac" ? "ipv4" : family)}, 5)`, min: 0, max: U32 })],
      [1, () => ({ text: `jhashWords(${word()}, ${word()}, ${word()}, 1)`, min: 0, max: U32 })],
      [1, () => ({ text: `u32(${this.address(scope, "ipv4")})`, min: 0, max: U32 })],
      [
        1,
        () => ({
          text: `checksumReplace(${this.fit(seed, 0, 0xffff).text}, ${piece()}, ${piece()})`,
          min: 0,
          max: 0xffff,
        }),
      ],
    ];
    const even = scope.livePlaces().filter(({ struct }) => HEADERS.includes(struct));
    if (even.length > 0) rows.push([2, () => this.summed(this.random.pick(even).name, seed)]);
    return choose(this.random, rows);
  }

  /** Checksums over a place of even size. */
  protected summed(name: string, seed: NumberText): NumberText {
    if (this.random.chance(0.5)) return { text: `checksum(${name})`, min: 0, max: 0xffff };
    const sum = `checksumAdd(${this.fit(seed, 0, 0xffff).text}, ${name})`;
    return { text: `checksumFinish(${sum})`, min: 0, max: 0xffff };
  }

  protected called(scope: Scope, depth: number): NumberText {
    const helper = this.module.helpers.find(({ kind }) => kind === "number");
    if (!helper || !this.hasContext) return this.numberAtom(scope);
    return { text: `${helper.name}(${this.arguments(scope, helper.parameters, depth)})`, min: 0, max: U32 };
  }

  /** Arguments of type u32. */
  arguments(scope: Scope, count: number, depth: number): string {
    return Array.from({ length: count }, () => this.u32(scope, depth - 1).text).join(", ");
  }

  protected nullish(scope: Scope, depth: number): NumberText {
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
    return rows.length === 0 ? this.numberAtom(scope) : choose(this.random, rows);
  }
}
