/** The backend on small functions: the instructions that it chooses, as text. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { refusal } from "../../../test/answers.ts";
import { print } from "../../isa/index.ts";
import { compileFunction } from "../compile-function.ts";
import { IrBuilder } from "../ir/builder.ts";
import type { AccessSize, ValueId } from "../ir/ir.ts";
import { sequence } from "./parallel-move.ts";

/** What a function compiles to, one instruction per line. */
function compiled(body: (builder: IrBuilder) => void): string[] {
  const builder = new IrBuilder("f");
  body(builder);
  return compileFunction(builder.finish()).instructions.map((one) => print(one));
}

const argument = (builder: IrBuilder, index = 0): ValueId => builder.emit({ kind: "argument", index }, "pointer");

const load = (builder: IrBuilder, base: ValueId, offset: number, size: AccessSize = 4): ValueId =>
  builder.emit({ kind: "load", size, signed: false, base, offset });

describe("selection", () => {
  it("puts constants into immediates and offsets into accesses", () => {
    const lines = compiled((builder) => {
      const base = builder.emit({ kind: "offset", base: argument(builder), by: builder.constant(14) }, "pointer");
      const sum = builder.emit({
        kind: "alu",
        code: "add",
        width: 64,
        a: builder.constant(7),
        b: load(builder, base, 2),
      });
      builder.end({ kind: "exit", value: sum });
    });
    expect(lines).toEqual(["r0 = *(u32 *)(r1 + 0x10)", "r0 += 0x7", "exit"]);
  });

  it("keeps an offset that does not fit an access", () => {
    const lines = compiled((builder) => {
      const base = builder.emit({ kind: "offset", base: argument(builder), by: builder.constant(32767) }, "pointer");
      builder.end({ kind: "exit", value: load(builder, base, 8) });
    });
    expect(lines).toEqual(["r1 += 0x7fff", "r0 = *(u32 *)(r1 + 0x8)", "exit"]);
  });

  it.each([
    [7n, ["r0 = 0x7", "exit"]],
    [-1n, ["r0 = -0x1", "exit"]],
    [0xffffffffn, ["w0 = -0x1", "exit"]],
    [0x123456789n, ["r0 = 0x123456789 ll", "exit"]],
  ])("loads %s", (value, expected) => {
    expect(compiled((builder) => builder.end({ kind: "exit", value: builder.constant(value) }))).toEqual(expected);
  });

  it("stores constants from the instruction, unless 64 bits do not fit", () => {
    const lines = compiled((builder) => {
      const base = argument(builder);
      builder.emit({ kind: "store", size: 2, base, offset: 4, value: builder.constant(0xffff) });
      builder.emit({ kind: "store", size: 8, base, offset: 8, value: builder.constant(0x80000000n) });
      builder.end({ kind: "exit", value: builder.constant(0) });
    });
    expect(lines).toEqual([
      "*(u16 *)(r1 + 0x4) = 0xffff",
      "w0 = -0x80000000",
      "*(u64 *)(r1 + 0x8) = r0",
      "r0 = 0x0",
      "exit",
    ]);
  });

  it("zero-extends with a 32-bit move", () => {
    const lines = compiled((builder) => {
      const mask = builder.constant(0xffffffffn);
      const low = builder.emit({
        kind: "alu",
        code: "and",
        width: 64,
        a: load(builder, argument(builder), 0, 8),
        b: mask,
      });
      builder.end({ kind: "exit", value: low });
    });
    expect(lines).toEqual(["r0 = *(u64 *)(r1 + 0x0)", "w0 = w0", "exit"]);
  });

  it("passes arguments and stack slots, and keeps what outlives the call in r6", () => {
    const lines = compiled((builder) => {
      const context = argument(builder);
      const slot = builder.emit({ kind: "stack", slot: builder.slot(4, 4) }, "pointer");
      builder.emit({ kind: "store", size: 4, base: slot, offset: 0, value: builder.constant(0) });
      const map = builder.emit({ kind: "symbol", symbol: { kind: "map", map: "m" } }, "pointer");
      builder.emit({ kind: "call", helper: 1, arguments: [map, slot] });
      builder.end({ kind: "exit", value: load(builder, context, 16) });
    });
    expect(lines).toEqual([
      "r6 = r1",
      "*(u32 *)(r10 - 0x4) = 0x0",
      "r1 = 0x0 ll",
      "r2 = r10",
      "r2 += -0x4",
      "call 0x1",
      "r0 = *(u32 *)(r6 + 0x10)",
      "exit",
    ]);
  });

  it("keeps the direction of a bounds check and falls through", () => {
    const lines = compiled((builder) => {
      const context = argument(builder);
      const data = builder.emit({ kind: "load", size: 4, signed: false, base: context, offset: 0 }, "pointer");
      const end = builder.emit({ kind: "load", size: 4, signed: false, base: context, offset: 4 }, "pointer");
      const limit = builder.emit({ kind: "offset", base: data, by: builder.constant(14) }, "pointer");
      const [short, long] = [builder.block(), builder.block()];
      builder.end({ kind: "branch", code: "gt", width: 64, a: limit, b: end, whenTrue: short, whenFalse: long });
      for (const [block, value] of [
        [short, 1],
        [long, 2],
      ] as const) {
        builder.seal(block);
        builder.enter(block);
        builder.end({ kind: "exit", value: builder.constant(value) });
      }
    });
    expect(lines.filter((line) => line.startsWith("if"))).toEqual(["if r0 > r1 goto +0x2"]);
    expect(lines.slice(-4)).toEqual(["r0 = 0x2", "exit", "r0 = 0x1", "exit"]);
  });
});

describe("registers", () => {
  it("that are spilled keep the line of their instruction, the first one too: the kernel wants it", () => {
    const builder = new IrBuilder("f");
    builder.source = { kind: "source", file: "f.xdp.ts", line: 1, column: 1, text: "f(ctx)" };
    const [cheapest, ...values] = Array.from({ length: 5 }, (_, index) => argument(builder, index));
    builder.source = { ...builder.source, line: 2, text: "g()" };
    builder.emit({ kind: "call", helper: 7, arguments: [] });
    const used = [...values, ...values, cheapest!];
    const sum = used.reduce((a, b) => builder.emit({ kind: "alu", code: "add", width: 64, a, b }));
    builder.end({ kind: "exit", value: sum });
    const { instructions, lines } = compileFunction(builder.finish());
    expect(print(instructions[0]!)).toBe("*(u64 *)(r10 - 0x8) = r1");
    expect(lines.map(({ instruction, line }) => [instruction, line])).toEqual([
      [0, 1],
      [5, 2],
    ]);
  });

  it("are given back: a hundred values, one after the other, need no stack", () => {
    const builder = new IrBuilder("f");
    const base = argument(builder);
    let sum = builder.constant(0);
    for (let i = 0; i < 100; i++)
      sum = builder.emit({ kind: "alu", code: "xor", width: 64, a: sum, b: load(builder, base, 8 * i, 8) });
    builder.end({ kind: "exit", value: sum });
    expect(compileFunction(builder.finish()).stackBytes).toBe(0);
  });

  it("go to the stack when twenty values are alive, and say so when 512 bytes are not enough", () => {
    const alive = (count: number) => {
      const builder = new IrBuilder("crowded");
      const base = argument(builder);
      const values = Array.from({ length: count }, (_, i) => load(builder, base, 8 * i, 8));
      values.forEach((value, i) => {
        builder.emit({ kind: "store", size: 8, base, offset: 8 * (count - 1 - i), value });
      });
      builder.end({ kind: "exit", value: builder.constant(0) });
      return compileFunction(builder.finish());
    };
    expect(alive(9).stackBytes).toBe(0);
    expect(alive(20).stackBytes).toBeGreaterThan(0);
    expect(refusal(() => alive(120))[0]).toBe("COMPILER_STACK");
  });
});

describe("jumps", () => {
  /** A branch over so many stores. */
  function over(stores: number): string[] {
    return compiled((builder) => {
      const base = argument(builder);
      const value = load(builder, base, 0);
      const [near, far] = [builder.block(), builder.block()];
      builder.end({
        kind: "branch",
        code: "set",
        width: 64,
        a: value,
        b: builder.constant(1),
        whenTrue: far,
        whenFalse: near,
      });
      builder.seal(near);
      builder.enter(near);
      for (let i = 0; i < stores; i++)
        builder.emit({ kind: "store", size: 4, base, offset: 0, value: builder.constant(i) });
      builder.end({ kind: "jump", to: far });
      builder.seal(far);
      builder.enter(far);
      builder.end({ kind: "exit", value: builder.constant(0) });
    });
  }

  it("reach 32767 slots with 16 bits", () => {
    const lines = over(32767);
    expect(lines[1]).toBe("if r0 & 0x1 goto +0x7fff");
    expect(lines.length).toBe(2 + 32767 + 2);
  });

  it("go further by gotol", () => {
    const lines = over(32768);
    expect(lines.slice(1, 4)).toEqual(["if r0 & 0x1 goto +0x1", "goto +0x1", "gotol +0x8000"]);
    expect(lines.length).toBe(4 + 32768 + 2);
  });
});

describe("parallel moves", () => {
  it("give every destination its source's old value", () => {
    const moves = fc
      .uniqueArray(fc.integer({ min: 0, max: 7 }), { maxLength: 8 })
      .chain((destinations) =>
        fc.tuple(...destinations.map((dst) => fc.integer({ min: 0, max: 7 }).map((src) => ({ dst, src })))),
      );
    fc.assert(
      fc.property(moves, (copies) => {
        const registers = Array.from({ length: 32 }, (_, i) => `old ${i}`);
        let fresh = 16;
        for (const { dst, src } of sequence(copies, () => fresh++)) registers[dst] = registers[src]!;
        for (const { dst, src } of copies) expect(registers[dst]).toBe(`old ${src}`);
      }),
      { numRuns: 2000 },
    );
  });
});
