/** Random statements of a kernel function: blocks, control flow, and calls of helper functions. */

import { MapStatements } from "./map-statements.ts";
import { choose, Scope, U32 } from "./model.ts";
import type { Surrounding } from "./places.ts";

/**
 * Of all loops of a module together: the verifier walks every round on every path that it cannot tell from others, and
 * gives up after a million instructions.
 */
const MAX_ROUNDS = 12;

/** More rounds than the compiler lets the verifier walk. */
const CALLS = 9000;

export class Statements extends MapStatements {
  #rounds = 0;

  block(count: number, around: Surrounding): string[] {
    const lines: string[] = [];
    for (let i = 0; i < count && this.budget > 0; i++) {
      this.budget -= 1;
      lines.push(...this.statement(around));
    }
    return lines;
  }

  protected nested(count: number, around: Surrounding, more: Partial<Surrounding> = {}): string[] {
    const scope = more.scope ?? new Scope(around.scope);
    const lines = this.block(count, { ...around, depth: around.depth - 1, ...more, scope });
    const own = [...scope.numbers, ...scope.bigs, ...scope.signeds].map(({ text }) => text);
    return indent([...lines, ...(this.random.chance(0.7) ? this.observe(own) : [])]);
  }

  protected statement(around: Surrounding): string[] {
    const { scope, depth } = around;
    const rows: [number, () => string[]][] = [
      [6, () => this.constant(scope)],
      [4, () => this.variable(scope)],
      [7, () => this.assign(around)],
      [3, () => this.bigs(scope)],
      [2, () => this.smallValue(scope)],
      [1, () => this.destructured(scope)],
      [5, () => this.storeField(scope)],
      [3, () => this.stackStruct(scope)],
      [2, () => this.wholeStore(scope)],
      [2, () => this.stagedLoop(around)],
      [2, () => this.callHelper(around)],
      [3, () => this.atomic(around)],
      [1, () => [`outcomes.count("${this.random.pick(this.module.outcomes)}");`]],
      [2, () => this.writeGlobal(scope)],
      [3, () => this.observe([...scope.all("numbers").map(({ text }) => text)])],
    ];
    if (this.hasContext)
      rows.push([5, () => this.takeHeader(around)], [6, () => this.lookup(around)], [2, () => this.change(around)]);
    if (depth > 0)
      rows.push([7, () => this.branch(around)], [2, () => this.switchOver(around)], [5, () => this.loop(around)]);
    if (around.isLoop)
      rows.push([2, () => [`if (${this.bool(scope, 1)}) ${this.random.pick(["break", "continue"])};`]]);
    return choose(this.random, rows);
  }

  protected branch(around: Surrounding): string[] {
    const { scope, leave } = around;
    const { random } = this;
    if (random.chance(0.07)) return [`if (${this.bool(scope, 2)}) ${leave(scope)}`];
    if (random.chance(0.2)) return this.assignedInBoth(around);
    const lines = [`if (${this.bool(scope, 2)}) {`, ...this.nested(random.between(1, 4), around)];
    if (random.chance(0.3))
      lines.push(`} else if (${this.bool(scope, 1)}) {`, ...this.nested(random.between(1, 3), around));
    if (random.chance(0.5)) lines.push("} else {", ...this.nested(random.between(1, 3), around));
    return [...lines, "}"];
  }

  /** A signed variable that comes below zero in a loop. */
  protected countedDown(scope: Scope): string[] {
    const counters = scope.all("signeds").filter(({ isMutable }) => isMutable);
    if (counters.length === 0) return this.bigs(scope);
    const { text } = this.random.pick(counters);
    const step = this.random.pick([`${text}--;`, `${text} -= 1n;`, `${text} = ${text} - 3n;`]);
    return [step, `if (${text} ${this.random.pick(["<", "<="])} ${this.signedLiteral()}) break;`];
  }

  /** `let x; if (c) x = 1; else x = 2;` */
  protected assignedInBoth(around: Surrounding): string[] {
    const { scope } = around;
    const name = this.name("v");
    const value = (from: Scope): string => this.u32(from, 2).text;
    const [then, otherwise] = [new Scope(scope), new Scope(scope)];
    const lines = [
      `let ${name}: number;`,
      `if (${this.bool(scope, 2)}) {`,
      ...this.nested(1, around, { scope: then }),
      `  ${name} = ${value(then)};`,
      "} else {",
      ...this.nested(1, around, { scope: otherwise }),
      `  ${name} = ${value(otherwise)};`,
      "}",
    ];
    scope.numbers.push({ text: name, min: 0, max: U32, cast: "u32" });
    return lines;
  }

  protected switchOver(around: Surrounding): string[] {
    const { random, module } = this;
    if (random.chance(0.15)) return this.switchOverSigned(around);
    const masked = random.chance(0.5);
    const subject = masked ? `${this.number(around.scope, 1).text} & 3` : this.comparable(around.scope, 2);
    const labels = masked ? ["0", "1", "2"] : module.numbers.map(({ text }) => text);
    const used = labels.filter(() => random.chance(0.7));
    const cases = used.flatMap((label) => {
      const ending = random.chance(0.15) ? around.leave(around.scope) : "break;";
      const body = this.nested(random.between(1, 2), around, { isLoop: false });
      return [`  case ${label}: {`, ...indent(body), `    ${ending}`, "  }"];
    });
    const rest = random.chance(0.6)
      ? ["  default: {", ...indent(this.nested(1, around, { isLoop: false })), "  }"]
      : [];
    return [`switch (${subject}) {`, ...cases, ...rest, "}"];
  }

  protected switchOverSigned(around: Surrounding): string[] {
    const labels = ["-1n", "-2n", "0n", "5n", "0xffffffffffffffffn"].filter(() => this.random.chance(0.7));
    const cases = labels.flatMap((label) => [
      `  case ${label}: {`,
      ...indent(this.nested(1, around, { isLoop: false })),
      "    break;",
      "  }",
    ]);
    return [`switch (i64(${this.signed(around.scope, 1)})) {`, ...cases, "}"];
  }

  protected loop(around: Surrounding): string[] {
    const { scope } = around;
    const rounds = this.random.between(1, 4);
    this.#rounds += around.rounds * rounds;
    if (this.#rounds > MAX_ROUNDS) return this.branch(around);
    if (this.random.chance(0.25)) return this.calledLoop(around, rounds);
    const inner = new Scope(scope, scope.loopDepth + 1);
    const index = this.name("step");
    const [before, head, first] = this.loopHead(scope, index, rounds);
    const isLoose = !/unroll|range|\+\+/.test(head);
    inner.numbers.push({ text: index, min: 0, max: head.includes("(1,") || isLoose ? rounds : rounds - 1, isLoose });
    const body = this.nested(this.random.between(1, 3), around, {
      scope: inner,
      isLoop: true,
      rounds: around.rounds * rounds,
    });
    return [...before, `${head} {`, ...indent(first), ...body, "}"];
  }

  /** A loop whose body the kernel calls: of many rounds as far as the compiler knows, and a few that it goes. */
  protected calledLoop(around: Surrounding, rounds: number): string[] {
    const { random } = this;
    const scope = new Scope(around.scope, around.scope.loopDepth + 1);
    const index = this.name("step");
    scope.numbers.push({ text: index, min: 0, max: CALLS - 1, isLoose: true });
    const body = this.nested(random.between(1, 3), around, {
      scope,
      isLoop: false,
      rounds: around.rounds * rounds,
      leave: () => random.pick(["return loop.Break;", "return undefined;", 'exit(outcomes.drop("third"));']),
    });
    const count = this.name("n");
    around.scope.numbers.push({ text: count, min: 0, max: CALLS });
    const last = `  return ${index} >= ${rounds - 1} ? loop.Break : undefined;`;
    return [`const ${count} = loop(${CALLS}, (${index}) => {`, ...body, last, "});"];
  }

  /** Lines before the loop, its head, and the first lines of its body. */
  protected loopHead(scope: Scope, index: string, rounds: number): [before: string[], head: string, first: string[]] {
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
  protected stagedLoop(around: Surrounding): string[] {
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
    const table = random.pick(module.tables);
    if (random.chance(0.3)) return this.generic(scope, table);
    const inner = new Scope(scope, scope.loopDepth + 1);
    const row = this.name("row");
    const [head, port, weight] = random.pick([
      [`for (const ${row} of ${table})`, `${row}.port`, `${row}.weight`],
      [`for (const { port: ${row}Port, weight: ${row}Weight } of ${table})`, `${row}Port`, `${row}Weight`],
      [`for (const [${row}Index, ${row}] of ${table}.entries())`, `${row}Index`, `${row}.weight`],
    ] as const);
    inner.numbers.push({ text: port, min: 0, max: 0xffff }, { text: weight, min: 0, max: 0xffff });
    const condition = `if (${this.comparable(scope, 1)} !== ${port}) continue;`;
    const first = random.chance(0.6) ? [`  ${condition}`] : [];
    const body = this.nested(random.between(1, 2), around, { scope: inner, isLoop: true, rounds: around.rounds * 3 });
    return [`${head} {`, ...first, ...body, "}"];
  }

  /** A generic function over a staged array, with a function of its own that sees what is in scope. */
  protected generic(scope: Scope, table: string): string[] {
    const name = this.name("n");
    const operand = this.fit(this.number(scope, 1), 0, U32).text;
    const of = `(row) => u32(row.${this.random.pick(["port", "weight"])} ${this.random.pick(["+", "^", "&"])} ${operand})`;
    scope.numbers.push({ text: name, min: 0, max: U32 });
    return [`const ${name}: number = total(${table}, ${of});`];
  }

  protected callHelper(around: Surrounding): string[] {
    const { scope, leave } = around;
    if (!this.hasContext || this.module.helpers.length === 0) return this.constant(scope);
    const helper = this.random.pick(this.module.helpers);
    const name = this.name("r");
    const values = this.arguments(scope, helper.parameters, 2);
    if (helper.kind === "record") return this.recordCall(scope, leave, name, `${helper.name}(${values})`);
    if (helper.kind === "header") {
      const lines = this.required(name, `${helper.name}(ctx, ${this.masked(scope, 63)})`, scope, leave);
      this.addPlace(scope, `${name}.place`, helper.struct!, "packet");
      scope.numbers.push({ text: `${name}.rest`, min: 0, max: U32 });
      return lines;
    }
    const place = scope.livePlaces().find(({ struct }) => struct === helper.struct);
    if (helper.kind === "place" && !place) return this.constant(scope);
    const given = [...(helper.kind === "place" ? [place!.name] : []), values].filter((text) => text !== "").join(", ");
    const fallback = helper.kind === "nullable" ? ` ?? ${this.literal().text}` : "";
    scope.numbers.push({ text: name, min: 0, max: U32 });
    return [`const ${name}: number = ${helper.name}(${given})${fallback};`];
  }

  protected recordCall(scope: Scope, leave: (scope: Scope) => string, name: string, call: string): string[] {
    const pattern = `{ first: ${name}First, second: ${name}Second }`;
    const lines = this.random.chance(0.4)
      ? [`const ${pattern} = ${call} ?? { first: 1, second: ${this.literal().text} };`]
      : [`const ${name} = ${call};`, `if (!${name}) ${leave(scope)}`, `const ${pattern} = ${name};`];
    scope.numbers.push(...["First", "Second"].map((field) => ({ text: `${name}${field}`, min: 0, max: U32 })));
    return lines;
  }
}

export const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
