/** Each pass on small functions, before and after as text. */
import { describe, expect, it } from "vitest";
import { IrBuilder } from "../ir/builder.ts";
import { verifyIr } from "../ir/cfg.ts";
import type { IrFunction } from "../ir/ir.ts";
import { printIr } from "../ir/print.ts";
import { eliminateDead } from "./eliminate.ts";
import { fold } from "./fold.ts";
import { numberValues } from "./number-values.ts";
import { simplify } from "./simplify.ts";
import { simplifyGraph } from "./simplify-graph.ts";

function build(body: (builder: IrBuilder) => void): IrFunction {
  const builder = new IrBuilder("f");
  body(builder);
  const ir = builder.finish();
  verifyIr(ir);
  return ir;
}

/** What a pass makes of a function, checked. */
function changed(pass: (ir: IrFunction) => IrFunction, ir: IrFunction): string {
  const result = pass(ir);
  verifyIr(result);
  return printIr(result);
}

describe("fold", () => {
  it.each([
    ["add", 64, 0xffff_ffff_ffffn, 1n, "281474976710656"],
    ["add", 32, 0xffffffffn, 2n, "1"],
    ["sub", 32, 0n, 1n, "4294967295"],
    ["mul", 64, -1n, 3n, "-3"],
    ["div", 64, 7n, 0n, "0"],
    ["mod", 64, 7n, 0n, "7"],
    ["sdiv", 64, -7n, 2n, "-3"],
    ["smod", 64, -7n, 2n, "-1"],
    ["shl", 32, 1n, 33n, "2"],
    ["sar", 32, 0x80000000n, 4n, "4160749568"],
    ["shr", 64, -1n, 60n, "15"],
  ] as const)("%s%i of %s and %s is %s", (code, width, a, b, result) => {
    const ir = build((builder) => {
      const value = builder.emit({ kind: "alu", code, width, a: builder.constant(a), b: builder.constant(b) });
      builder.end({ kind: "exit", value });
    });
    expect(changed(fold, ir)).toContain(`v2 = ${result}\n`);
  });

  it("keeps x % x, which has no neutral operand", () => {
    const ir = build((builder) => {
      const x = builder.emit({ kind: "argument", index: 0 });
      builder.end({ kind: "exit", value: builder.emit({ kind: "alu", code: "mod", width: 64, a: x, b: x }) });
    });
    expect(changed(fold, ir)).toBe(printIr(ir));
  });

  it.each([
    ["sub", 64, "v1 = 0"],
    ["sub", 32, "v1 = 0"],
    ["xor", 32, "v1 = 0"],
    ["and", 64, "exit v0"],
    ["or", 64, "exit v0"],
    ["and", 32, "exit v1"],
    ["add", 64, "exit v1"],
  ] as const)("of equal operands %s%i leaves %s", (code, width, left) => {
    const ir = build((builder) => {
      const x = builder.emit({ kind: "argument", index: 0 });
      builder.end({ kind: "exit", value: builder.emit({ kind: "alu", code, width, a: x, b: x }) });
    });
    expect(changed(fold, ir)).toContain(`  ${left}\n`);
  });

  it.each([
    ["eq", true],
    ["ne", false],
    ["lt", false],
    ["le", true],
    ["gt", false],
    ["ge", true],
    ["slt", false],
    ["sle", true],
    ["sgt", false],
    ["sge", true],
    ["set", undefined],
  ] as const)("of equal operands %s is %s", (code, answer) => {
    for (const width of [32, 64] as const) {
      const ir = build((builder) => {
        const [yes, no] = [builder.block(), builder.block()];
        const x = builder.emit({ kind: "argument", index: 0 });
        builder.end({ kind: "branch", code, width, a: x, b: x, whenTrue: yes, whenFalse: no });
        for (const [block, value] of [
          [yes, 10],
          [no, 20],
        ] as const) {
          builder.seal(block);
          builder.enter(block);
          builder.end({ kind: "exit", value: builder.constant(value) });
        }
      });
      const text = changed(fold, ir);
      expect([text.includes("= 10\n"), text.includes("= 20\n")]).toEqual([answer !== false, answer !== true]);
    }
  });

  it("takes x + 0 for x, but not in 32 bits, where the high half would stay", () => {
    const ir = build((builder) => {
      const x = builder.emit({ kind: "argument", index: 0 });
      const zero = builder.constant(0);
      const wide = builder.emit({ kind: "alu", code: "add", width: 64, a: zero, b: x });
      builder.end({ kind: "exit", value: builder.emit({ kind: "alu", code: "add", width: 32, a: wide, b: zero }) });
    });
    expect(changed(fold, ir)).toBe("function f\nb0\n  v0 = argument 0\n  v1 = 0\n  v3 = add32 v0, v1\n  exit v3\n");
  });

  it("decides branches on constants and forgets the other way", () => {
    const ir = build((builder) => {
      const [yes, no] = [builder.block(), builder.block()];
      const [a, b] = [builder.constant(-1), builder.constant(1)];
      builder.end({ kind: "branch", code: "gt", width: 64, a, b, whenTrue: yes, whenFalse: no });
      for (const [block, value] of [
        [yes, 10],
        [no, 20],
      ] as const) {
        builder.seal(block);
        builder.enter(block);
        builder.end({ kind: "exit", value: builder.constant(value) });
      }
    });
    expect(changed(fold, ir)).toBe(
      "function f\nb0\n  v0 = -1\n  v1 = 1\n  jump b1\nb1 from b0\n  v2 = 10\n  exit v2\n",
    );
  });
});

describe("numberValues", () => {
  it("computes a sum once, whatever the order of its operands, and only where it dominates", () => {
    const ir = build((builder) => {
      const [x, y] = [builder.emit({ kind: "argument", index: 0 }), builder.emit({ kind: "argument", index: 1 })];
      const first = builder.emit({ kind: "alu", code: "add", width: 64, a: x, b: y });
      const second = builder.emit({ kind: "alu", code: "add", width: 64, a: y, b: x });
      builder.end({ kind: "exit", value: builder.emit({ kind: "alu", code: "sub", width: 64, a: first, b: second }) });
    });
    expect(changed(numberValues, ir)).toBe(
      "function f\nb0\n  v0 = argument 0\n  v1 = argument 1\n  v2 = add64 v0, v1\n  v4 = sub64 v2, v2\n  exit v4\n",
    );
  });

  it("loads twice: something may have been stored in between", () => {
    const ir = build((builder) => {
      const base = builder.emit({ kind: "argument", index: 0 }, "pointer");
      const a = builder.emit({ kind: "load", size: 4, signed: false, base, offset: 0 });
      const b = builder.emit({ kind: "load", size: 4, signed: false, base, offset: 0 });
      builder.end({ kind: "exit", value: builder.emit({ kind: "alu", code: "add", width: 64, a, b }) });
    });
    expect(changed(numberValues, ir)).toBe(printIr(ir));
  });
});

describe("eliminateDead", () => {
  it("drops what nobody reads, loops of phis included, and keeps stores and calls", () => {
    const ir = build((builder) => {
      const base = builder.emit({ kind: "argument", index: 0 }, "pointer");
      const zero = builder.constant(0);
      builder.emit({ kind: "alu", code: "mul", width: 64, a: zero, b: zero });
      builder.emit({ kind: "load", size: 8, signed: false, base, offset: 8 });
      builder.emit({ kind: "call", helper: 7, arguments: [] });
      builder.emit({ kind: "store", size: 1, base, offset: 3, value: zero });
      builder.end({ kind: "exit", value: zero });
    });
    expect(changed(eliminateDead, ir)).toBe(
      "function f\nb0\n  *v0 = argument 0\n  v1 = 0\n  v4 = call 7()\n  v5 = store u8 [v0 + 3], v1\n  exit v1\n",
    );
  });
});

describe("eliminateDead and branches", () => {
  /** An argument, a diamond over it whose sides are empty or store, and a phi of two values. */
  const diamond = (effect: boolean, isRead: boolean): IrFunction =>
    build((builder) => {
      const [yes, no, join] = [builder.block(), builder.block(), builder.block()];
      const base = builder.emit({ kind: "argument", index: 0 }, "pointer");
      const [x, two] = [builder.emit({ kind: "load", size: 8, signed: false, base, offset: 0 }), builder.constant(2)];
      builder.end({ kind: "branch", code: "eq", width: 64, a: x, b: two, whenTrue: yes, whenFalse: no });
      for (const side of [yes, no]) {
        builder.seal(side);
        builder.enter(side);
        if (effect && side === yes) builder.emit({ kind: "store", size: 1, base, offset: 3, value: two });
        builder.end({ kind: "jump", to: join });
      }
      builder.seal(join);
      const phi = builder.phi(join, "scalar");
      builder.give(
        join,
        phi,
        new Map([
          [yes, x],
          [no, two],
        ]),
      );
      builder.enter(join);
      builder.end({ kind: "exit", value: isRead ? phi : two });
    });

  it("drops a branch whose ways do the same, and what it compared", () => {
    expect(changed(eliminateDead, diamond(false, false))).toBe("function f\nb0\n  v2 = 2\n  exit v2\n");
  });

  it("keeps a branch with an effect on one way, and one that chooses a value", () => {
    for (const ir of [diamond(true, false), diamond(false, true)])
      expect(changed(eliminateDead, ir)).toContain("if eq64 v1, v2");
  });
});

describe("simplify", () => {
  it.each([
    { width: 32, count: 24, mask: 0xff, goes: true },
    { width: 32, count: 32 + 24, mask: 0xff, goes: true },
    { width: 32, count: 32 + 22, mask: 0xff, goes: false },
    { width: 64, count: 56, mask: 0xff, goes: true },
    { width: 64, count: 64 + 54, mask: 0xff, goes: false },
  ] as const)("drops a mask that cuts nothing of a shift, whose count is taken modulo its width: %o", (row) => {
    const ir = build((builder) => {
      const x = builder.emit({ kind: "argument", index: 0 });
      const { width } = row;
      const shifted = builder.emit({ kind: "alu", code: "shr", width, a: x, b: builder.constant(row.count) });
      const masked = builder.emit({ kind: "alu", code: "and", width: 64, a: shifted, b: builder.constant(row.mask) });
      builder.end({ kind: "exit", value: masked });
    });
    expect(changed(simplify, ir)).toContain(row.goes ? "exit v2\n" : "exit v4\n");
  });
});

describe("simplifyGraph", () => {
  it("appends blocks to their only predecessor and steps over empty ones", () => {
    const ir = build((builder) => {
      const [a, b, c] = [builder.block(), builder.block(), builder.block()];
      const x = builder.emit({ kind: "argument", index: 0 });
      builder.end({ kind: "jump", to: a });
      builder.seal(a);
      builder.enter(a);
      builder.end({ kind: "branch", code: "eq", width: 64, a: x, b: x, whenTrue: b, whenFalse: c });
      builder.seal(b);
      builder.enter(b);
      builder.end({ kind: "jump", to: c });
      builder.seal(c);
      builder.enter(c);
      builder.end({ kind: "exit", value: x });
    });
    expect(changed(simplifyGraph, ir)).toBe(
      "function f\nb0\n  v0 = argument 0\n  if eq64 v0, v0 then b1 else b1\nb1 from b0, b0\n  exit v0\n",
    );
  });
});
