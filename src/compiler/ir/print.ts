/** The IR as text, for `--dump` and golden files: one line per value. */
import type { Block, IrFunction, LinkSymbol, Operation, Terminator } from "./ir.ts";

/** IR as text, as `xdpkit disasm --dump=PASS` shows it. */
export function printIr({ name, blocks, slots }: IrFunction): string {
  const stack = slots.map(({ size, align }, slot) => `  slot ${slot}: ${size} bytes, align ${align}\n`).join("");
  return `function ${name}\n${stack}${blocks.map(printBlock).join("")}`;
}

function printBlock(block: Block, id: number): string {
  const from = block.predecessors.length === 0 ? "" : ` from ${block.predecessors.map((one) => `b${one}`).join(", ")}`;
  const phis = block.phis.map(
    (phi) => `  ${mark(phi.type)}${phi.id} = phi ${phi.arguments.map((one) => `v${one}`).join(", ")}\n`,
  );
  const lines = block.instructions.map(
    ({ id: value, type, operation }) => `  ${mark(type)}${value} = ${printOperation(operation)}\n`,
  );
  return `b${id}${from}\n${phis.join("")}${lines.join("")}  ${printTerminator(block.terminator)}\n`;
}

const mark = (type: string): string => (type === "pointer" ? "*v" : "v");

function printOperation(operation: Operation): string {
  switch (operation.kind) {
    case "constant":
      return String(operation.value);
    case "argument":
      return `argument ${operation.index}`;
    case "alu":
      return `${operation.code}${operation.width} v${operation.a}, v${operation.b}`;
    case "negate":
      return `negate${operation.width} v${operation.a}`;
    case "signExtend":
    case "swap":
      return `${operation.kind}${operation.bits} v${operation.a}`;
    case "load":
      return `load ${operation.signed ? "s" : "u"}${8 * operation.size} [v${operation.base}${offset(operation.offset)}]`;
    case "store":
      return `store u${8 * operation.size} [v${operation.base}${offset(operation.offset)}], v${operation.value}`;
    case "atomic":
      return printAtomic(operation);
    case "offset":
      return `offset v${operation.base}, v${operation.by}${operation.most === undefined ? "" : ` most ${operation.most}`}`;
    case "stack":
      return `slot ${operation.slot}`;
    case "symbol":
      return printSymbol(operation.symbol);
    case "call":
      return `call ${operation.helper}(${operation.arguments.map((one) => `v${one}`).join(", ")})`;
    case "callFunction":
      return `call ${printSymbol(operation.target)}(${operation.arguments.map((one) => `v${one}`).join(", ")})`;
  }
}

function printAtomic(operation: Extract<Operation, { kind: "atomic" }>): string {
  const expected = operation.expected === undefined ? "" : `, expected v${operation.expected}`;
  const fetch = operation.fetch ? " fetch" : "";
  const place = `[v${operation.base}${offset(operation.offset)}]`;
  return `atomic${fetch} ${operation.code} u${8 * operation.size} ${place}, v${operation.value}${expected}`;
}

const offset = (by: number): string => (by === 0 ? "" : by < 0 ? ` - ${-by}` : ` + ${by}`);

function printSymbol(symbol: LinkSymbol): string {
  switch (symbol.kind) {
    case "map":
      return `map ${symbol.map}`;
    case "mapValue":
      return `data ${symbol.map}${offset(symbol.offset)}`;
    case "function":
      return `function ${symbol.function}`;
    case "extern":
      return `extern ${symbol.extern}`;
  }
}

function printTerminator(terminator: Terminator): string {
  switch (terminator.kind) {
    case "jump":
      return `jump b${terminator.to}`;
    case "branch": {
      const { code, width, a, b, whenTrue, whenFalse } = terminator;
      return `if ${code}${width} v${a}, v${b} then b${whenTrue} else b${whenFalse}`;
    }
    case "exit":
      return `exit v${terminator.value}`;
  }
}
