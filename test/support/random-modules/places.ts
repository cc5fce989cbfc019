/**
 * Statements that need no control flow: values, and places of the packet and the stack.
 *
 * Invariant: a variable that may be assigned has the range of a cast, and every assignment is within it by a cast or a
 * mask, so that its range does not depend on a loop around it.
 */
import { Expressions } from "./expressions.ts";
import { CASTS, choose, ETHERNET, HEADERS, type PlaceName, type Scope, type StructModel } from "./model.ts";

export interface Surrounding {
  readonly scope: Scope;
  readonly depth: number;
  /** A statement that leaves the function. */
  readonly leave: (scope: Scope) => string;
  /** `break` and `continue` are allowed here. */
  readonly isLoop: boolean;
  /** How often the statements run at most. */
  readonly rounds: number;
}

/** Bytes that structs on the stack and temporary ones may take in all. */
const STACK = 320;
const ACTIONS = ["Aborted", "Drop", "Pass", "Tx"] as const;

export class PlaceStatements extends Expressions {
  #count = 0;
  /** Statements that may still be written. */
  budget = 50;
  #stack = STACK;
  /** The place where values are observed, and the slots of it. */
  results = "";
  resultSlots: readonly number[] = [];
  #slot = 0;

  name(prefix: string): string {
    this.#count += 1;
    return `${prefix}${this.#count}`;
  }

  action(scope: Scope): string {
    const { random } = this;
    const rows: [number, () => string][] = [
      [3, () => `XdpAction.${random.pick(ACTIONS)}`],
      [3, () => `outcomes.${random.pick(["drop", "pass", "abort"])}("${random.pick(this.module.outcomes)}")`],
      [1, () => `outcomes.as("${random.pick(this.module.outcomes)}", XdpAction.${random.pick(ACTIONS)})`],
      [1, () => `(${this.bool(scope, 1)} ? XdpAction.Pass : XdpAction.Drop)`],
      [1, () => `ports.redirect(${this.masked(scope, 7)}, XdpAction.${random.pick(ACTIONS)})`],
    ];
    return choose(random, rows);
  }

  protected masked(scope: Scope, mask: number): string {
    return `${this.number(scope, 1).text} & ${mask}`;
  }

  protected constant(scope: Scope): string[] {
    const value = this.number(scope, 3);
    const name = this.name("n");
    scope.numbers.push({ text: name, min: value.min, max: value.max });
    return [`const ${name}: number = ${value.text};`];
  }

  protected variable(scope: Scope): string[] {
    const cast = this.random.pick(Object.keys(CASTS));
    const [min, max] = CASTS[cast]!;
    const name = this.name("v");
    const line = `let ${name}: number = ${this.fit(this.number(scope, 2), min, max).text};`;
    scope.numbers.push({ text: name, min, max, cast });
    return [line];
  }

  protected assign({ scope }: Surrounding): string[] {
    const variables = scope.all("numbers").filter(({ cast }) => cast !== undefined);
    if (variables.length === 0) return this.variable(scope);
    const { text, cast, min, max } = this.random.pick(variables);
    const unsigned = cast!.startsWith("u");
    const rows: [number, () => string][] = [
      [5, () => `${text} = ${cast}(${this.number(scope, 3).text});`],
      [2, () => `${text} = ${cast}(${text} ${this.random.pick(["+", "-"])} ${this.u32(scope, 1).text});`],
    ];
    if (unsigned) {
      const operand = (): string => this.fit(this.number(scope, 1), min, max).text;
      rows.push([2, () => `${text} ${this.random.pick(["&=", "|=", "^="])} ${operand()};`]);
      rows.push([1, () => `${text} >>= ${this.random.between(0, 31)};`]);
    }
    return [choose(this.random, rows)];
  }

  protected bigs(scope: Scope): string[] {
    const { random } = this;
    const mutable = scope.all("bigs").filter(({ isMutable }) => isMutable);
    if (mutable.length > 0 && random.chance(0.5)) {
      const { text, clean } = random.pick(mutable);
      const value = this.big(scope, 2, clean).text;
      return [
        random.chance(0.5)
          ? `${text} = ${value};`
          : `${text} ${random.pick(clean ? ["+=", "^="] : ["+=", "-=", "*="])} ${value};`,
      ];
    }
    if (random.chance(0.4)) return this.signedStatement(scope);
    const isMutable = random.chance(0.6);
    const wanted = random.chance(0.5);
    const { text, clean } = this.big(scope, 3, wanted);
    const name = this.name("b");
    // Later values of a variable are only asked to be clean when the first was.
    scope.bigs.push({ text: name, clean: isMutable ? wanted : clean, isMutable });
    return [`${isMutable ? "let" : "const"} ${name}: bigint = ${text};`];
  }

  /** `const { ttl: n1, protocol: n2 } = ip;` */
  protected destructured(scope: Scope): string[] {
    const place = this.writable(scope);
    const fields = (place?.struct.fields ?? []).flatMap(({ name, type }) =>
      type.kind === "number" ? [{ name, type }] : [],
    );
    const chosen = fields.filter(() => this.random.chance(0.5)).slice(0, 3);
    if (!place || chosen.length === 0) return this.constant(scope);
    const parts = chosen.map(({ name: field, type: { min, max } }) => {
      const text = this.name("n");
      scope.numbers.push({ text, min, max });
      return `${field}: ${text}`;
    });
    return [`const { ${parts.join(", ")} } = ${place.name};`];
  }

  protected smallValue(scope: Scope): string[] {
    const { random } = this;
    const mutable = scope.all("bools").filter(({ isMutable }) => isMutable);
    if (mutable.length > 0 && random.chance(0.4)) return [`${random.pick(mutable).text} = ${this.bool(scope, 2)};`];
    if (random.chance(0.5)) {
      const family = random.pick(["mac", "ipv4", "ipv6"] as const);
      const name = this.name("a");
      const line = `const ${name} = ${this.address(scope, family)};`;
      scope.addresses.push({ text: name, family });
      return [line];
    }
    const isMutable = random.chance(0.5);
    const name = this.name("t");
    const line = `${isMutable ? "let" : "const"} ${name}: boolean = ${this.bool(scope, 2)};`;
    scope.bools.push({ text: name, isMutable });
    return [line];
  }

  /** A signed variable, or a change of one. */
  protected signedStatement(scope: Scope): string[] {
    const mutable = scope.all("signeds").filter(({ isMutable }) => isMutable);
    if (mutable.length > 0 && this.random.chance(0.5)) {
      const { text } = this.random.pick(mutable);
      const operator = this.random.pick(["=", "=", "+=", "-=", "^=", "&="]);
      return [`${text} ${operator} i64(${this.signed(scope, 2)});`];
    }
    const name = this.name("s");
    const isMutable = this.random.chance(0.5);
    const value = this.signed(scope, 2);
    scope.signeds.push({ text: name, isMutable });
    return [`${isMutable ? "let" : "const"} ${name}: bigint = ${isMutable ? `i64(${value})` : value};`];
  }

  /** Writes a value where the test sees it. */
  protected observe(texts: readonly string[]): string[] {
    if (this.results === "" || texts.length === 0) return [];
    const slot = this.resultSlots[this.#slot++ % this.resultSlots.length];
    return [`${this.results}.slots[${slot}] ${this.random.pick(["=", "+=", "^="])} u64(${this.random.pick(texts)});`];
  }

  addPlace(scope: Scope, name: string, struct: StructModel, home: PlaceName["home"], map?: string): void {
    scope.places.push({ name, struct, home, loopDepth: scope.loopDepth, dead: false, ...(map ? { map } : {}) });
  }

  protected takeHeader({ scope, leave }: Surrounding): string[] {
    const { random } = this;
    const struct = random.pick([...HEADERS, ...this.module.structs.filter(({ size }) => size <= 40)]);
    const name = this.name("h");
    // In a loop the cursor's offset would have no bound.
    const at = random.chance(0.3)
      ? `cursor.${scope.loopDepth === 0 && random.chance(0.6) ? "take" : "peek"}(${struct.name})`
      : `ctx.header(${struct.name}, ${struct === ETHERNET ? "0" : this.offset(scope)})`;
    const skip = scope.loopDepth === 0 && random.chance(0.15) ? [`cursor.skip(${this.masked(scope, 15)});`] : [];
    const line = this.required(name, at, scope, leave);
    this.addPlace(scope, name, struct, "packet");
    return [...skip, ...line];
  }

  /** `const name = <place or null>`, and what happens on null. */
  protected required(name: string, expression: string, scope: Scope, leave: (scope: Scope) => string): string[] {
    if (this.random.chance(0.4)) return [`const ${name} = ${expression} ?? exit(${this.action(scope)});`];
    return [
      `const ${name} = ${expression};`,
      `if (${this.random.pick(["!NAME", "NAME === null"]).replace("NAME", name)}) ${leave(scope)}`,
    ];
  }

  protected writable(scope: Scope): PlaceName | undefined {
    const places = scope.livePlaces();
    return places.length > 0 ? this.random.pick(places) : undefined;
  }

  protected storeField(scope: Scope): string[] {
    const place = this.writable(scope);
    if (!place) return this.constant(scope);
    const { path, type } = this.fieldOf(place);
    if (type.kind === "array") {
      const value = this.forField(scope, type.element, 2);
      return [`${path}[${this.index(type.length, scope)}] = ${value};`];
    }
    if (type.kind === "struct") {
      const inner = this.random.pick(type.struct.fields);
      if (inner.type.kind !== "struct" && inner.type.kind !== "array")
        return [`${path}.${inner.name} = ${this.forField(scope, inner.type, 2)};`];
      return [`${path} = new ${type.struct.name}(${this.record(scope, type.struct, 1, true)});`];
    }
    const current = place.home === "stack" || type.kind !== "number" ? undefined : path;
    const compound = place.home === "perCpu" || place.home === "packet";
    if (compound && type.kind === "big" && this.random.chance(0.5))
      return [`${path} ${this.random.pick(["+=", "-="])} ${this.forField(scope, type, 1)};`];
    if (compound && type.kind === "number" && this.random.chance(0.3))
      return [
        this.random.pick([
          `${path} += ${this.random.between(1, 999)};`,
          `${path} -= 1;`,
          `${path}++;`,
          `${path} ^= 1;`,
        ]),
      ];
    return [`${path} = ${this.forField(scope, type, 2, current)};`];
  }

  /** Room on the stack, for the rest of the function. */
  protected reserve(size: number): boolean {
    if (this.#stack < size) return false;
    this.#stack -= size;
    return true;
  }

  protected stackStruct(scope: Scope): string[] {
    const { random } = this;
    const struct = random.pick(this.module.structs);
    if (!this.reserve(struct.size)) return this.constant(scope);
    const name = this.name("p");
    const same = scope.livePlaces().filter((place) => place.struct === struct);
    const value =
      same.length > 0 && random.chance(0.5) ? `copyOf(${random.pick(same).name})` : this.instance(scope, struct, 2);
    this.addPlace(scope, name, struct, "stack");
    return [`const ${name} = ${value};`];
  }

  /** Whole places: compared, or overwritten, after which their name is not used again. */
  protected wholeStore(scope: Scope): string[] {
    const places = scope.livePlaces();
    const pairs = places.flatMap((a) =>
      places
        .filter((b) => b !== a && b.struct === a.struct && !(a.home === "packet" && b.home === "packet"))
        .map((b) => [a, b] as const),
    );
    if (pairs.length === 0) return this.stackStruct(scope);
    const [a, b] = this.random.pick(pairs);
    if (a.home === "stack" || a.loopDepth !== scope.loopDepth || this.random.chance(0.5)) {
      const name = this.name("t");
      scope.bools.push({ text: name, isMutable: false });
      return [`const ${name}: boolean = equals(${a.name}, ${b.name});`];
    }
    if (!this.reserve(a.struct.size)) return this.storeField(scope);
    a.dead = true;
    return [`assign(${a.name}, ${this.random.chance(0.5) ? b.name : this.instance(scope, a.struct, 1)});`];
  }
}
