/**
 * Random IR through every pass and the backend: the interpreter and the kernel must do what the IR says, and the kernel's
 * verifier must take every program.
 */
import { expect, it } from "vitest";
import { printHex, XdpkitError } from "../../src/base/index.ts";
import { compileFunction, type EmittedCode, type IrFunction, verifyIr } from "../../src/compiler/index.ts";
import { LoadedObject } from "../../src/kernel/index.ts";
import type { BpfObject } from "../../src/object/index.ts";
import { createVm } from "../../src/vm/index.ts";
import { IrMachine } from "../support/evaluate-ir.ts";
import { extent } from "../support/extent.ts";
import { Random, runSeed } from "../support/random.ts";
import { randomIr, STATE_BYTES } from "../support/random-ir.ts";
import { suite } from "../support/require.ts";

const PROGRAMS = extent(60, 1_500);
const KEY = new Uint8Array(4);

interface Outcome {
  readonly action: number;
  readonly packet: string;
  readonly state: string;
}

interface Subject {
  readonly object: BpfObject;
  readonly packet: Uint8Array;
  readonly state: Uint8Array;
  readonly expected: Outcome;
  readonly code: EmittedCode;
}

function objectOf(code: EmittedCode): BpfObject {
  const { instructions, references, lines } = code;
  const program = { kind: "xdp", fragments: false, autoload: true };
  const main = {
    name: "main",
    section: "xdp",
    linkage: "global" as const,
    program,
    instructions,
    references,
    lines,
    relocations: [],
  };
  const state = {
    name: "state",
    style: "btf" as const,
    type: 2,
    keySize: 4,
    valueSize: STATE_BYTES,
    maxEntries: 1,
    flags: 0,
    pinByName: false,
  };
  return { license: "GPL", functions: [main], maps: [state], externs: [] };
}

/** Programs in a thousand that may be refused for their stack: spilled registers do not share slots yet. */
const REFUSED_PER_MILLE = 4;

/** The code, or null when it needs more than 512 bytes of stack: about one random program in 6,000. */
function tryCompile(ir: IrFunction): EmittedCode | null {
  try {
    return compileFunction(ir, { onPass: (_, changed) => verifyIr(changed) });
  } catch (error) {
    if (error instanceof XdpkitError && error.code === "COMPILER_STACK") return null;
    throw error;
  }
}

/** A program, its input, and what its IR says before any pass has run; null when it is refused for its stack. */
function subject(seed: number): Subject | null {
  const random = new Random(seed);
  const ir = randomIr(random);
  verifyIr(ir);
  const packet = random.bytes(random.between(64, 104));
  const state = random.bytes(STATE_BYTES);
  const after = { packet: packet.slice(), state: state.slice() };
  const result = new IrMachine(after.packet, after.state).run(ir);
  const expected = {
    action: Number(BigInt.asUintN(32, result)),
    packet: printHex(after.packet),
    state: printHex(after.state),
  };
  const code = tryCompile(ir);
  return code && { object: objectOf(code), packet, state, expected, code };
}

async function interpret({ object, packet, state }: Subject): Promise<Outcome> {
  const vm = await createVm(object);
  vm.map("state").set(KEY, state);
  const { action, packet: after } = vm.run(packet);
  return { action, packet: printHex(after), state: printHex(vm.map("state").getBytes(KEY)!) };
}

function inKernel({ object, packet, state }: Subject): Outcome {
  using loaded = new LoadedObject(object);
  const map = loaded.map("state");
  map.trySet(KEY, state);
  const { action, packet: after } = loaded.program("main").run(packet);
  return { action, packet: printHex(after), state: printHex(map.get(KEY)!) };
}

const seed = runSeed();

it("a constant of a block that jumps were threaded through is read behind it", () => {
  const pinned = subject(357726139 + 1029);
  expect(pinned).not.toBeNull();
});

it(`the interpreter does what the IR says: ${PROGRAMS} programs, XDPKIT_SEED=${seed}`, {
  timeout: 240_000,
}, async () => {
  let deepest = 0;
  let refused = 0;
  for (let i = 0; i < PROGRAMS; i++) {
    const one = subject(seed + i);
    if (one === null) {
      refused++;
      continue;
    }
    expect(await interpret(one), `program ${i} of XDPKIT_SEED=${seed}`).toEqual(one.expected);
    deepest = Math.max(deepest, one.code.stackBytes);
  }
  expect(refused).toBeLessThanOrEqual((PROGRAMS * REFUSED_PER_MILLE) / 1000);
  // More variables than registers: spilling has been tried, too (64 bytes are the programs' own).
  expect(deepest).toBeGreaterThan(128);
});

suite("random IR in the kernel", ["bpf"], () => {
  it(`does what the IR says: ${PROGRAMS} programs, XDPKIT_SEED=${seed}`, { timeout: 240_000 }, () => {
    for (let i = 0; i < PROGRAMS; i++) {
      const one = subject(seed + i);
      if (one === null) continue;
      expect(inKernel(one), `program ${i} of XDPKIT_SEED=${seed}`).toEqual(one.expected);
    }
  });
});
