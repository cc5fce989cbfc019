/** E2BIG has two reasons: too many instructions, and too many paths of a few; the message says which. */
import { expect, it } from "vitest";
import type { XdpkitError } from "../../src/base/index.ts";
import { LoadedObject } from "../../src/kernel/index.ts";
import { refusal } from "../../src/kernel/refusal.ts";
import { programOf } from "../support/assembly.ts";
import { suite } from "../support/require.ts";

/** Each bit of a random number xors a constant into the key of an array: no path is like another to the verifier. */
const BITS = Array.from(
  { length: 22 },
  (_, i) =>
    `if r0 & ${2 ** i} goto set${i}\ngoto next${i}\nset${i}:\nr6 ^= ${(0x9e3779b1 * (i + 1)) % 0x7fffffff}\nnext${i}:\n`,
).join("");
const CODE = `call 7
r6 = 0
${BITS}r6 &= 127
*(u32 *)(r10 - 8) = r6
r1 = table ll
r2 = r10
r2 += -8
call 1
r0 = 2
exit`;

suite("too many paths", ["bpf"], () => {
  it("are no matter of capabilities", () => {
    using loaded = new LoadedObject(programOf(CODE, ".map table type=2 key=4 value=4 entries=128"));
    const error = (() => {
      try {
        loaded.program("main");
        return undefined;
      } catch (thrown) {
        return thrown as XdpkitError;
      }
    })();
    expect([error?.code, error?.problem]).toEqual([
      "KERNEL_REFUSED",
      expect.stringContaining("the verifier gave up after following 1,000,001 instructions on all paths"),
    ]);
    expect(error?.problem).not.toContain("CAP_BPF");
  });
});

it.each([
  [407, "it has 407 instructions, and the verifier gave up after following 1,000,000 on all paths"],
  [5000, "it has 5,000 instructions, and without CAP_BPF the kernel takes 4,096"],
  [1_000_001, "it has 1,000,001 instructions, and the kernel takes 1 to 1,000,000"],
])("without a log, %i instructions", (slots, reason) => {
  const error = refusal({ name: "p", instructions: new Uint8Array(8 * slots) }, -7, "");
  expect(error.problem).toContain(reason);
});
