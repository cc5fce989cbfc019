/**
 * Which bytes of a result depend on bytes of the stack that nobody wrote: the machine follows them through operations on whole
 * bytes exactly. The oracle is the machine with other garbage there: a byte depends on it if and only if it changes.
 */
import { expect, it } from "vitest";
import { programOf } from "../../test/support/assembly.ts";
import { Random, runSeed } from "../../test/support/random.ts";
import { createVm } from "./index.ts";

const PACKET = new Uint8Array(60);
const GARBAGE = [1, 2, 3, 4, 5, 6];

/** Instructions that move or mask whole bytes; `mask` has bytes 0x00 and 0xff only. */
const OPERATIONS: readonly ((random: Random) => string)[] = [
  (random) => `r2 = ${mask(random)} ll\nr1 &= r2`,
  (random) => `r2 = ${mask(random)} ll\nr1 |= r2`,
  (random) => `r2 = ${mask(random)} ll\nr2 &= r1\nr1 = r2`,
  (random) => `r2 = ${mask(random)} ll\nr2 |= r1\nr1 = r2`,
  (random) => `r2 = ${mask(random)} ll\nr1 ^= r2`,
  (random) => `r2 = ${mask(random)} ll\nw1 &= w2`,
  (random) => `r2 = ${mask(random)} ll\nw1 |= w2`,
  (random) => `r1 <<= ${8 * random.between(0, 7)}`,
  (random) => `r1 >>= ${8 * random.between(0, 7)}`,
  (random) => `w1 <<= ${8 * random.between(0, 3)}`,
  (random) => `w1 >>= ${8 * random.between(0, 3)}`,
  () => "w1 = w1",
  ...[16, 32, 64].flatMap((bits) => ["le", "be", "bswap"].map((name) => () => `r1 = ${name}${bits} r1`)),
];

const mask = (random: Random): string => `0x${Array.from({ length: 8 }, () => random.pick(["00", "ff"])).join("")}`;

const written = (random: Random): string =>
  Array.from({ length: 8 }, (_, i) =>
    random.chance(0.5) ? `*(u8 *)(r10 - ${8 - i}) = ${random.between(0, 127)}\n` : "",
  ).join("");

const seed = runSeed();
it(`every byte of a result is known, or faults when it decides, XDPKIT_SEED=${seed}`, async () => {
  const random = new Random(seed);
  let known = 0;
  for (let round = 0; round < 300; round++) {
    const operations = Array.from({ length: random.between(1, 2) }, () => random.pick(OPERATIONS)(random)).join("\n");
    const byte = random.between(0, 7);
    const code = `${written(random)}r1 = *(u64 *)(r10 - 8)\n${operations}\nr1 >>= ${8 * byte}\nr1 &= 255`;
    const values = new Set<number>();
    for (const garbage of GARBAGE) {
      const vm = await createVm(programOf(`${code}\nr0 = r1\nexit`), { unwritten: "garbage", seed: garbage });
      values.add(vm.run(PACKET).action);
    }
    const vm = await createVm(programOf(`${code}\nr0 = 2\nif r1 == 300 goto +0\nexit`));
    const decides = (): number => vm.run(PACKET).action;
    if (values.size > 1) expect(decides, code).toThrow("VM_UNINITIALISED");
    else expect(decides, code).not.toThrow();
    if (values.size === 1) known++;
  }
  expect(known).toBeGreaterThan(50);
  expect(known).toBeLessThan(250);
});
