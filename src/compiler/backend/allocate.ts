/** Register allocation: colours the registers, spills what finds no colour, and begins anew until all are coloured. */
import { xdpkitError } from "../../base/index.ts";
import { Coloring } from "./coloring.ts";
import type { MachineBlock, MachineFunction, MachineInstruction, Register } from "./machine.ts";
import { spill, withoutDeadSpills } from "./spill.ts";

/** MAX_BPF_STACK. */
const STACK_BYTES = 512;

/** The function over machine registers, moves between equal ones left out. @throws XdpkitError COMPILER_STACK */
export function allocate(input: MachineFunction): MachineFunction {
  let code = input;
  const unspillable = new Set<Register>();
  for (;;) {
    const coloring = new Coloring(code, unspillable);
    const spilled = coloring.run();
    if (spilled.size === 0) return withoutDeadSpills(rewrite(code, coloring));
    code = spill(code, spilled, unspillable, coloring);
    if (code.stackBytes > STACK_BYTES) throw xdpkitError("COMPILER_STACK", { name: code.name, bytes: code.stackBytes });
  }
}

function rewrite(code: MachineFunction, coloring: Coloring): MachineFunction {
  const blocks = code.blocks.map((block): MachineBlock => {
    const instructions: MachineInstruction[] = [];
    for (const one of block.instructions) {
      const [dst, src] = [coloring.colorOf(one.dst), coloring.colorOf(one.src)];
      if (!one.move || dst !== src) instructions.push({ ...one, dst, src });
    }
    return { ...block, instructions };
  });
  return { ...code, blocks };
}
