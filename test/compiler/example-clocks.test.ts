/** Examples that ask for the time, on a clock that the test moves. */
import { expect, it } from "vitest";
import type { XdpProgram } from "../../src/lang/index.ts";
import { build, Ethernet, Ipv4, Tcp } from "../../src/packet/index.ts";
import { createVm } from "../../src/vm/index.ts";
import { loadExample } from "../support/example-objects.ts";

const SECOND = 1_000_000_000n;

it("syn-tracking: a source that is refused may try again in the next window", async () => {
  const module = await loadExample("syn-tracking");
  const vm = await createVm(module["guard"] as XdpProgram);
  const syn = build([
    new Ethernet({}),
    new Ipv4({ source: "198.51.100.7", destination: "192.0.2.1" }),
    new Tcp({ sourcePort: 1024, destinationPort: 80, syn: true }),
  ]);
  const verdicts = (count: number) => Array.from({ length: count }, () => vm.run(syn).name);
  expect(verdicts(22)).toEqual([...Array(20).fill("XDP_PASS"), "XDP_DROP", "XDP_DROP"]);
  vm.clock.nowNs += SECOND;
  expect(verdicts(1)).toEqual(["XDP_DROP"]);
  vm.clock.nowNs += 1n;
  expect(verdicts(1)).toEqual(["XDP_PASS"]);
});
