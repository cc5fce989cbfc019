/** Random programs with one access that is wrong: the machine sees every one, and names it; the kernel refuses them. */
import { expect, it } from "vitest";
import { XdpkitError } from "../../src/base/index.ts";
import { LoadedObject } from "../../src/kernel/index.ts";
import { createVm } from "../../src/vm/index.ts";
import { type FaultyProgram, faultyProgram } from "../support/faulty-programs.ts";
import { Random, runSeed } from "../support/random.ts";
import { suite } from "../support/require.ts";

const PROGRAMS = Number(process.env["XDPKIT_PROGRAMS"] ?? 400);
const PACKET = new Uint8Array(64);
const seed = runSeed();

async function inMachine({ object }: FaultyProgram): Promise<string> {
  try {
    const { action } = (await createVm(object)).run(PACKET);
    return `ended with ${action}`;
  } catch (error) {
    if (error instanceof XdpkitError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

function inKernel({ object }: FaultyProgram): string {
  using loaded = new LoadedObject(object);
  try {
    loaded.program("main");
    return "taken";
  } catch (error) {
    return (error as XdpkitError).code;
  }
}

it(`the machine faults in each of ${PROGRAMS} faulty programs, XDPKIT_SEED=${seed}`, { timeout: 120_000 }, async () => {
  for (let i = 0; i < PROGRAMS; i++) {
    const faulty = faultyProgram(new Random(seed + i));
    const said = await inMachine(faulty);
    expect(said.startsWith(`${faulty.code}: `) && said.includes(faulty.says), `${i}: ${said}\n${faulty.text}`).toBe(
      true,
    );
  }
});

suite("faulty programs", ["bpf"], () => {
  it(`the kernel refuses what the machine does not let pass, XDPKIT_SEED=${seed}`, { timeout: 120_000 }, () => {
    for (let i = 0; i < PROGRAMS / 2; i++) {
      const faulty = faultyProgram(new Random(seed + i));
      if (faulty.refused) expect(inKernel(faulty), `${i}\n${faulty.text}`).toBe("KERNEL_REFUSED");
    }
  });
});
