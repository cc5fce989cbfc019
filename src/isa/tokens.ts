/**
 * Tokens of one line of assembler text, and a reader that remembers how far it ever came.
 *
 * Invariant: `furthest` is the token that no form could accept, so an error points at the first thing that is wrong.
 */
export interface Token {
  readonly text: string;
  /** From 1. */
  readonly column: number;
}

const TOKEN = /\s*(0[xX][0-9a-fA-F]+|\d+|[A-Za-z_.$?][\w.$?/]*|<<=|>>=|[-+*/|&%^=!<>]=|[^\s])/y;
const NAME = /^[A-Za-z_.$?][\w.$?/]*$/;
const NUMBER = /^(0[xX][0-9a-fA-F]+|\d+)$/;
/** Words of the language; a symbol of such a name must be quoted by a directive instead. */
const REGISTER = /^[rw](10|[0-9])$/;

export function tokenize(line: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(line); match; match = TOKEN.exec(line)) {
    const text = match[1] as string;
    tokens.push({ text, column: TOKEN.lastIndex - text.length + 1 });
  }
  return tokens;
}

/** A number that is one, but does not fit where it stands. */
export interface OutOfRange {
  readonly token: number;
  readonly text: string;
  readonly min: bigint;
  readonly max: bigint;
}

export class TokenReader {
  readonly tokens: readonly Token[];
  position = 0;
  furthest = 0;
  /** The number at `furthest` that was too large, if that is what stopped us. */
  outOfRange: OutOfRange | null = null;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  get done(): boolean {
    return this.position === this.tokens.length;
  }

  #peek(ahead = 0): string {
    return this.tokens[this.position + ahead]?.text ?? "";
  }

  #advance(count = 1): void {
    this.position += count;
    if (this.position > this.furthest) {
      this.furthest = this.position;
      this.outOfRange = null;
    }
  }

  literal(text: string): boolean {
    if (this.#peek() !== text) return false;
    this.#advance();
    return true;
  }

  isSign(): boolean {
    return this.#peek() === "+" || this.#peek() === "-";
  }

  /** The index of a register, 0 to 10; of `wanted` when the text names it for the second time. */
  register(letter: "r" | "w", wanted?: number): number | null {
    const text = this.#peek();
    if (text[0] !== letter || !REGISTER.test(text)) return null;
    const index = Number(text.slice(1));
    if (wanted !== undefined && wanted !== index) return null;
    this.#advance();
    return index;
  }

  /** A number with its sign. */
  integer(min: bigint, max: bigint): bigint | null {
    const sign = this.isSign() ? 1 : 0;
    const digits = this.#peek(sign);
    if (!NUMBER.test(digits)) return null;
    const negative = this.#peek() === "-";
    const value = negative ? -BigInt(digits) : BigInt(digits);
    if (value < min || value > max) {
      const token = this.position + sign;
      if (token >= this.furthest) {
        this.furthest = token;
        this.outOfRange = { token, text: `${negative ? "-" : ""}${digits}`, min, max };
      }
      return null;
    }
    this.#advance(sign + 1);
    return value;
  }

  /** A label. */
  name(): string | null {
    const text = this.#peek();
    if (!NAME.test(text) || REGISTER.test(text)) return null;
    this.#advance();
    return text;
  }

  /** A symbol where a number might stand as well; not a word that begins another form. */
  symbol(): string | null {
    const following = this.#peek(1);
    return following === "ll" || following === "+" || following === "-" ? this.name() : null;
  }

  /** `<end+0x48>`, which llvm-objdump writes behind a distance. */
  skipNote(): boolean {
    if (this.#peek() !== "<") return true;
    const close = this.tokens.findIndex((token, index) => index > this.position && token.text === ">");
    if (close < 0) return false;
    this.#advance(close - this.position + 1);
    return true;
  }
}
