/**
 * Random statements of a kernel function: declarations, control flow, places, maps.
 *
 * Invariant: what is in scope may be used anywhere in the text that follows. A variable that is assigned in a loop gets a
 * cast or a mask there, so its range does not depend on the loop.
 */

import { Expressions } from "./expressions.ts";
import {
  CASTS,
  choose,
  ETHERNET,
  HEADERS,
  type MapModel,
  type Scope as Names,
  type NumberType,
  type PlaceName,
  Scope,
  type StructModel,
  U32,
} from "./model.ts";

export interface Surrounding {
  readonly scope: Names;
  readonly depth: number;
  /** A statement that leaves the function. */
  readonly leave: (scope: Names) => string;
  /** `break` and `continue` are allowed here. */
  readonly isLoop: boolean;
  /** How often the statements run at most. */
  readonly rounds: number;
}

const MAX_ROUNDS = 48;
const STACK = 220;
const ACTIONS = ["Aborted", "Drop", "Pass", "Tx"] as const;

export class Statements extends Expressions {
  #count = 0;
  /** Statements that may still be written. */
  budget = 50;
  #stack = STACK;
  /** Where `record` statements may write: elements of the results. */
  results = "";
  resultSlots = 0;
  #slot = 0;

  name(prefix: string): string {
    this.#count += 1;
    return `${prefix}${this.#count}`;
  }

  action(scope: Names): string {
    const { random } = this;
    const rows: [number, () => string][] = [
      [3, () => `XdpAction.${random.pick(ACTIONS)}`],
      [3, () => `outcomes.${random.pick(["drop", "pass", "abort"])}("${random.pick(this.module.outcomes)}")`],
      [1, () => `outcomes.as("${random.pick(this.module.outcomes)}", XdpAction.${random.pick(ACTIONS)})`],
      [1, () => `(${this.bool(scope, 1)} ? XdpAction.Pass : XdpAction.Drop)`],
      [1, () => `ports.redirect(${this.#masked(scope, 7)}, XdpAction.${random.pick(ACTIONS)})`],
    ];
    return choose(random, rows);
  }

  #masked(scope: Names, mask: number): string {
    return `${this.number(scope, 1).text} & ${mask}`;
  }

  block(count: number, around: Surrounding): string[] {
    const lines: string[] = [];
    for (let i = 0; i < count && this.budget > 0; i++) {
      this.budget -= 1;
      lines.push(...this.#statement(around));
    }
    return lines;
  }

  #nested(count: number, around: Surrounding, more: Partial<Surrounding> = {}): string[] {
    const scope = more.scope ?? new Scope(around.scope);
    return indent(this.block(count, { ...around, depth: around.depth - 1, ...more, scope }));
  }

  #statement(around: Surrounding): string[] {
    const { scope, depth } = around;
    const rows: [number, () => string[]][] = [
      [6, () => this.#constant(scope)],
      [4, () => this.#variable(scope)],
      [7, () => this.#assign(around)],
      [3, () => this.#bigs(scope)],
      [2, () => this.#smallValue(scope)],
      [5, () => this.#store(scope)],
      [3, () => this.#stackStruct(scope)],
      [2, () => this.#wholeStore(scope)],
      [2, () => this.#stage(around)],
      [2, () => this.#call(around)],
      [2, () => this.#atomic(scope)],
      [1, () => [`outcomes.count("${this.random.pick(this.module.outcomes)}");`]],
      [2, () => this.#global(scope)],
      [3, () => this.#observe([...scope.all("numbers").map(({ text }) => text)])],
    ];
    if (this.hasContext)
      rows.push([5, () => this.#header(around)], [6, () => this.#lookup(around)], [2, () => this.#change(around)]);
    if (depth > 0)
      rows.push([7, () => this.#if(around)], [2, () => this.#switch(around)], [5, () => this.#loop(around)]);
    if (around.isLoop)
      rows.push([2, () => [`if (${this.bool(scope, 1)}) ${this.random.pick(["break", "continue"])};`]]);
    return choose(this.random, rows);
  }

  // Values

  #constant(scope: Names): string[] {
    const value = this.number(scope, 3);
    const name = this.name("n");
    scope.numbers.push({ text: name, min: value.min, max: value.max });
    return [`const ${name}: number = ${value.text};`];
  }

  #variable(scope: Names): string[] {
    const cast = this.random.pick(Object.keys(CASTS));
    const [min, max] = CASTS[cast]!;
    const name = this.name("v");
    const line = `let ${name}: number = ${this.fit(this.number(scope, 2), min, max).text};`;
    scope.numbers.push({ text: name, min, max, cast });
    return [line];
  }

  #assign({ scope }: Surrounding): string[] {
    const variables = scope.all("numbers").filter(({ cast }) => cast !== undefined);
    if (variables.length === 0) return this.#variable(scope);
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

  #bigs(scope: Names): string[] {
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
    if (random.chance(0.2)) {
      const name = this.name("s");
      const line = `const ${name} = ${this.signed(scope, 2)};`;
      scope.signeds.push(name);
      return [line];
    }
    const isMutable = random.chance(0.6);
    const wanted = random.chance(0.5);
    const { text, clean } = this.big(scope, 3, wanted);
    const name = this.name("b");
    // Later values of a variable are only asked to be clean when the first was.
    scope.bigs.push({ text: name, clean: isMutable ? wanted : clean, isMutable });
    return [`${isMutable ? "let" : "const"} ${name}: bigint = ${text};`];
  }

  #smallValue(scope: Names): string[] {
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

  /** Writes a value where the test sees it. */
  #observe(texts: readonly string[]): string[] {
    if (this.results === "" || texts.length === 0) return [];
    const line = `${this.results}.slots[${this.#slot % this.resultSlots}] = u64(${this.random.pick(texts)});`;
    this.#slot += 1;
    return [line];
  }

  // Places

  addPlace(scope: Names, name: string, struct: StructModel, home: PlaceName["home"], map?: string): void {
    scope.places.push({ name, struct, home, loopDepth: scope.loopDepth, dead: false, ...(map ? { map } : {}) });
  }

  #header({ scope, leave }: Surrounding): string[] {
    const { random } = this;
    const struct = random.pick([...HEADERS, ...this.module.structs.filter(({ size }) => size <= 40)]);
    const name = this.name("h");
    const at = random.chance(0.3)
      ? `cursor.${random.chance(0.5) ? "take" : "peek"}(${struct.name})`
      : `ctx.header(${struct.name}, ${struct === ETHERNET ? "0" : this.offset(scope)})`;
    const skip = scope.loopDepth === 0 && random.chance(0.15) ? [`cursor.skip(${this.#masked(scope, 15)});`] : [];
    const line = this.#required(name, at, scope, leave);
    this.addPlace(scope, name, struct, "packet");
    return [...skip, ...line];
  }

  /** `const name = <place or null>`, and what happens on null. */
  #required(name: string, expression: string, scope: Names, leave: (scope: Names) => string): string[] {
    if (this.random.chance(0.4)) return [`const ${name} = ${expression} ?? exit(${this.action(scope)});`];
    return [
      `const ${name} = ${expression};`,
      `if (${this.random.pick(["!NAME", "NAME === null"]).replace("NAME", name)}) ${leave(scope)}`,
    ];
  }

  #writable(scope: Names): PlaceName | undefined {
    const places = scope.livePlaces();
    return places.length > 0 ? this.random.pick(places) : undefined;
  }

  #store(scope: Names): string[] {
    const place = this.#writable(scope);
    if (!place) return this.#constant(scope);
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
    if (compound && type.kind === "big" && !type.signed && this.random.chance(0.5))
      return [`${path} ${this.random.pick(["+=", "-="])} ${this.big(scope, 1).text};`];
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

  #stackStruct(scope: Names): string[] {
    const { random } = this;
    const struct = random.pick(this.module.structs);
    if (this.#stack < struct.size) return this.#constant(scope);
    this.#stack -= struct.size;
    const name = this.name("p");
    const same = scope.livePlaces().filter((place) => place.struct === struct);
    const value =
      same.length > 0 && random.chance(0.5) ? `copyOf(${random.pick(same).name})` : this.instance(scope, struct, 2);
    this.addPlace(scope, name, struct, "stack");
    return [`const ${name} = ${value};`];
  }

  /** Whole places: compared, or overwritten, after which their name is not used again. */
  #wholeStore(scope: Names): string[] {
    const places = scope.livePlaces();
    const pairs = places.flatMap((a) =>
      places
        .filter((b) => b !== a && b.struct === a.struct && !(a.home === "packet" && b.home === "packet"))
        .map((b) => [a, b] as const),
    );
    if (pairs.length === 0) return this.#store(scope);
    const [a, b] = this.random.pick(pairs);
    if (a.home === "stack" || a.loopDepth !== scope.loopDepth || this.random.chance(0.5)) {
      const name = this.name("t");
      scope.bools.push({ text: name, isMutable: false });
      return [`const ${name}: boolean = equals(${a.name}, ${b.name});`];
    }
    a.dead = true;
    return [`assign(${a.name}, ${this.random.chance(0.5) ? b.name : this.instance(scope, a.struct, 1)});`];
  }

  // Maps

  key(scope: Names, { key, maxEntries }: MapModel): string {
    if (!key) return this.random.chance(0.2) ? `${this.number(scope, 1).text} & 15` : this.index(maxEntries, scope);
    if (key.kind === "number") return this.#masked(scope, 7);
    if (key.kind === "big") return `${this.big(scope, 1).text} & 3n`;
    if (key.kind !== "struct") return this.forField(scope, key, 1);
    const fields = key.struct.fields.map(({ name, type }) => {
      if (type.kind === "number") return `${name}: ${this.#masked(scope, 1)}`;
      return `${name}: ${type.kind === "big" ? `${this.big(scope, 1).text} & 1n` : this.forField(scope, type, 1)}`;
    });
    const record = `{ ${fields.join(", ")} }`;
    return key.struct.getters.length === 0 && this.random.chance(0.7) ? record : `new ${key.struct.name}(${record})`;
  }

  #value(scope: Names, { value }: MapModel): string {
    return isNumber(value) ? this.forField(scope, value, 2) : this.instance(scope, value, 2);
  }

  #lookup(around: Surrounding): string[] {
    const { scope, leave, depth } = around;
    const map = this.random.pick(this.module.maps);
    const name = this.name("m");
    const expression = `${map.name}.lookup(${this.key(scope, map)})`;
    if (isNumberMap(map)) return this.#scalarLookup(around, map, name, expression);
    const struct = map.value as StructModel;
    const home = map.type === "PerCpuArray" ? "perCpu" : "shared";
    if (depth > 0 && this.random.chance(0.4)) {
      const inner = new Scope(scope);
      this.addPlace(inner, name, struct, home, map.name);
      const body = this.#nested(this.random.between(1, 3), around, { scope: inner });
      return [`const ${name} = ${expression};`, `if (${name}) {`, ...body, "}"];
    }
    const lines = this.#required(name, expression, scope, leave);
    this.addPlace(scope, name, struct, home, map.name);
    return lines;
  }

  #scalarLookup({ scope, leave }: Surrounding, map: NumberMap, name: string, expression: string): string[] {
    const { min, max } = map.value;
    const value = this.name("n");
    const declare = (text: string): string => {
      scope.numbers.push({ text: value, min, max });
      return `const ${value}: number = ${text};`;
    };
    if (this.random.chance(0.5)) return [declare(`${expression}?.value ?? ${this.literal(max).text}`)];
    const cell = this.#required(name, expression, scope, leave);
    const change = `${name}.value = ${this.fit(this.number(scope, 1), min, max).text};`;
    return [...cell, ...(this.random.chance(0.4) ? [change] : []), declare(`${name}.value`)];
  }

  /** Maps whose places may be forgotten here: none is used by an earlier statement of an enclosing loop. */
  #changeable(scope: Names): MapModel[] {
    return this.module.maps.filter(({ name, key }) => {
      const live = scope.livePlaces().filter(({ map }) => map === name);
      return key !== undefined && live.every(({ loopDepth }) => loopDepth === scope.loopDepth);
    });
  }

  #forget(scope: Names, map: MapModel): void {
    for (const place of scope.livePlaces()) if (place.map === map.name) place.dead = true;
  }

  #change({ scope, leave }: Surrounding): string[] {
    const maps = this.#changeable(scope);
    if (maps.length === 0) return this.#store(scope);
    const map = this.random.pick(maps);
    const key = this.key(scope, map);
    const name = this.name("t");
    if (!isNumber(map.value) && this.random.chance(0.4)) {
      const initial = this.instance(scope, map.value, 1);
      this.#forget(scope, map);
      const place = this.name("m");
      const lines = this.#required(place, `${map.name}.lookupOrInsert(${key}, ${initial})`, scope, leave);
      this.addPlace(scope, place, map.value, "shared", map.name);
      return lines;
    }
    const mode = this.random.pick(["", "", `, "create"`, `, "replace"`]);
    const call = this.random.chance(0.3) ? `delete(${key})` : `update(${key}, ${this.#value(scope, map)}${mode})`;
    this.#forget(scope, map);
    scope.bools.push({ text: name, isMutable: false });
    return [`const ${name}: boolean = ${map.name}.${call};`];
  }

  #atomic(scope: Names): string[] {
    const shared = scope.livePlaces().filter(({ home }) => home === "shared");
    const found = shared.flatMap(({ name, struct }) =>
      struct.fields.flatMap((field) =>
        "isAtomic" in field.type && field.type.isAtomic ? [{ name, field, type: field.type }] : [],
      ),
    );
    if (found.length === 0) return this.#store(scope);
    const { name, field, type } = this.random.pick(found);
    const value =
      type.kind === "number" ? this.fit(this.number(scope, 1), 0, 0x7fffffff).text : this.big(scope, 1).text;
    const operation = this.random.pick(["add", "add", "add", "or", "and", "xor", "fetchAdd", "exchange"]);
    if (operation !== "fetchAdd" && operation !== "exchange")
      return [`atomic.${operation}(${name}, "${field.name}", ${value});`];
    const result = this.name(type.kind === "number" ? "n" : "b");
    if (type.kind === "number") scope.numbers.push({ text: result, min: type.min, max: type.max });
    else scope.bigs.push({ text: result, clean: true, isMutable: false });
    // tsc knows the result as number | bigint only.
    const [annotation, cast] = type.kind === "number" ? ["number", type.schema] : ["bigint", "u64"];
    return [`const ${result}: ${annotation} = ${cast}(atomic.${operation}(${name}, "${field.name}", ${value}));`];
  }

  #global(scope: Names): string[] {
    const globals = this.module.globals.filter(({ isSetting }) => !isSetting);
    if (globals.length === 0) return this.#constant(scope);
    const { name, type } = this.random.pick(globals);
    return [`${name}.value = ${this.forField(scope, type, 2)};`];
  }

  // Control flow

  #if(around: Surrounding): string[] {
    const { scope, leave } = around;
    const { random } = this;
    if (random.chance(0.15)) return [`if (${this.bool(scope, 2)}) ${leave(scope)}`];
    if (random.chance(0.2)) return this.#assignedInBoth(around);
    const lines = [`if (${this.bool(scope, 2)}) {`, ...this.#nested(random.between(1, 4), around)];
    if (random.chance(0.3))
      lines.push(`} else if (${this.bool(scope, 1)}) {`, ...this.#nested(random.between(1, 3), around));
    if (random.chance(0.5)) lines.push("} else {", ...this.#nested(random.between(1, 3), around));
    return [...lines, "}"];
  }

  /** `let x; if (c) x = 1; else x = 2;` */
  #assignedInBoth(around: Surrounding): string[] {
    const { scope } = around;
    const name = this.name("v");
    const value = (from: Names): string => this.u32(from, 2).text;
    const [then, otherwise] = [new Scope(scope), new Scope(scope)];
    const lines = [
      `let ${name}: number;`,
      `if (${this.bool(scope, 2)}) {`,
      ...this.#nested(1, around, { scope: then }),
      `  ${name} = ${value(then)};`,
      "} else {",
      ...this.#nested(1, around, { scope: otherwise }),
      `  ${name} = ${value(otherwise)};`,
      "}",
    ];
    scope.numbers.push({ text: name, min: 0, max: U32, cast: "u32" });
    return lines;
  }

  #switch(around: Surrounding): string[] {
    const { random, module } = this;
    const masked = random.chance(0.5);
    const subject = masked ? `${this.number(around.scope, 1).text} & 3` : this.comparable(around.scope, 2);
    const labels = masked ? ["0", "1", "2"] : module.numbers.map(({ text }) => text);
    const used = labels.filter(() => random.chance(0.7));
    const cases = used.flatMap((label) => {
      const ending = random.chance(0.15) ? around.leave(around.scope) : "break;";
      const body = this.#nested(random.between(1, 2), around, { isLoop: false });
      return [`  case ${label}: {`, ...indent(body), `    ${ending}`, "  }"];
    });
    const rest = random.chance(0.6)
      ? ["  default: {", ...indent(this.#nested(1, around, { isLoop: false })), "  }"]
      : [];
    return [`switch (${subject}) {`, ...cases, ...rest, "}"];
  }

  #loop(around: Surrounding): string[] {
    const { scope } = around;
    const rounds = this.random.between(1, 6);
    if (around.rounds * rounds > MAX_ROUNDS) return this.#if(around);
    const inner = new Scope(scope, scope.loopDepth + 1);
    const index = this.name("step");
    const [before, head, first] = this.#loopHead(scope, index, rounds);
    inner.numbers.push({ text: index, min: 0, max: rounds });
    const body = this.#nested(this.random.between(1, 3), around, {
      scope: inner,
      isLoop: true,
      rounds: around.rounds * rounds,
    });
    return [...before, `${head} {`, ...indent(first), ...body, "}"];
  }

  /** Lines before the loop, its head, and the first lines of its body. */
  #loopHead(scope: Names, index: string, rounds: number): [before: string[], head: string, first: string[]] {
    const { random } = this;
    const rows: [number, () => [string[], string, string[]]][] = [
      [3, () => [[], `for (const ${index} of unroll(${rounds}))`, []]],
      [3, () => [[], `for (const ${index} of range(${rounds}))`, []]],
      [1, () => [[], `for (const ${index} of range(1, ${rounds + 1}))`, []]],
      [3, () => [[], `for (let ${index} = 0; ${index} < ${rounds}; ${index}++)`, []]],
      [2, () => [[], `for (let ${index} = ${rounds}; ${index} > 0; ${index}--)`, []]],
      [1, () => [[], `for (let ${index} = ${rounds}; ${index} >= 0; ${index} -= 2)`, []]],
      [
        2,
        () => {
          const limit = `${index}Limit`;
          const line = `const ${limit}: number = ${this.number(scope, 1).text} & ${rounds < 3 ? 1 : 3};`;
          return [[line], `for (let ${index} = 0; ${index} < ${limit}; ${index} += 1)`, []];
        },
      ],
      [2, () => [[`let ${index} = 0;`], `while (${index} < ${rounds})`, [`${index} += 1;`]]],
    ];
    return choose(random, rows);
  }

  /** Loops over staged arrays, and staged functions. */
  #stage(around: Surrounding): string[] {
    const { random, module } = this;
    const { scope } = around;
    if (random.chance(0.4)) {
      const name = this.name("v");
      const start = `let ${name}: number = ${this.u32(scope, 1).text};`;
      scope.numbers.push({ text: name, min: 0, max: U32, cast: "u32" });
      const list = random.pick(module.functions);
      if (random.chance(0.4))
        return [
          start,
          `${name} = twice(${name}, (x) => u32(x ${random.pick(["+", "*"])} ${this.fit(this.number(scope, 1), 0, 0xffff).text}));`,
        ];
      return [start, `for (const apply of ${list}) ${name} = apply(${name});`];
    }
    const inner = new Scope(scope, scope.loopDepth + 1);
    const row = this.name("row");
    const table = random.pick(module.tables);
    const [head, port, weight] = random.pick([
      [`for (const ${row} of ${table})`, `${row}.port`, `${row}.weight`],
      [`for (const { port: ${row}Port, weight: ${row}Weight } of ${table})`, `${row}Port`, `${row}Weight`],
      [`for (const [${row}Index, ${row}] of ${table}.entries())`, `${row}Index`, `${row}.weight`],
    ] as const);
    inner.numbers.push({ text: port, min: 0, max: 0xffff }, { text: weight, min: 0, max: 0xffff });
    const condition = `if (${this.comparable(scope, 1)} !== ${port}) continue;`;
    const first = random.chance(0.6) ? [`  ${condition}`] : [];
    const body = this.#nested(random.between(1, 2), around, { scope: inner, isLoop: true, rounds: around.rounds * 3 });
    return [`${head} {`, ...first, ...body, "}"];
  }

  #call(around: Surrounding): string[] {
    const { scope, leave } = around;
    if (!this.hasContext || this.module.helpers.length === 0) return this.#constant(scope);
    const helper = this.random.pick(this.module.helpers);
    const name = this.name("r");
    const values = this.arguments(scope, helper.parameters, 2);
    if (helper.kind === "record") return this.#recordCall(scope, leave, name, `${helper.name}(${values})`);
    if (helper.kind === "header") {
      const lines = this.#required(name, `${helper.name}(ctx, ${this.#masked(scope, 63)})`, scope, leave);
      this.addPlace(scope, `${name}.place`, helper.struct!, "packet");
      scope.numbers.push({ text: `${name}.rest`, min: 0, max: U32 });
      return lines;
    }
    const place = scope.livePlaces().find(({ struct }) => struct === helper.struct);
    if (helper.kind === "place" && !place) return this.#constant(scope);
    const given = [...(helper.kind === "place" ? [place!.name] : []), values].filter((text) => text !== "").join(", ");
    const fallback = helper.kind === "nullable" ? ` ?? ${this.literal().text}` : "";
    scope.numbers.push({ text: name, min: 0, max: U32 });
    return [`const ${name}: number = ${helper.name}(${given})${fallback};`];
  }

  #recordCall(scope: Names, leave: (scope: Names) => string, name: string, call: string): string[] {
    const pattern = `{ first: ${name}First, second: ${name}Second }`;
    const lines = this.random.chance(0.4)
      ? [`const ${pattern} = ${call} ?? { first: 1, second: ${this.literal().text} };`]
      : [`const ${name} = ${call};`, `if (!${name}) ${leave(scope)}`, `const ${pattern} = ${name};`];
    scope.numbers.push(...["First", "Second"].map((field) => ({ text: `${name}${field}`, min: 0, max: U32 })));
    return lines;
  }
}

type NumberMap = MapModel & { readonly value: NumberType };

const isNumber = (value: MapModel["value"]): value is NumberType => "schema" in value;
const isNumberMap = (map: MapModel): map is NumberMap => isNumber(map.value);

export const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
