/** Every helper that takes flags: each flag and none, all 64 bits, in the machine and in the kernel. */
import { expect, it } from "vitest";
import { Pair, readDriver } from "../support/drivers.ts";
import { suite } from "../support/require.ts";

/** Names of the driver's operations, in its order. */
const OPERATIONS =
  `hash per_cpu_hash lru per_cpu_lru trie array per_cpu_array locked_array locked_hash queue stack bloom ringbuf_output
  ringbuf_reserve ringbuf_discard ringbuf_query ringbuf_reserve_dynptr dynptr_from_mem dynptr_write dynptr_read loop
  for_each_map_elem redirect redirect_map_device redirect_map_cpu fib_lookup check_mtu perf_event_output
  user_ringbuf_drain strtol`.split(/\s+/);
const FLAGS = [
  0n,
  ...Array.from({ length: 64 }, (_, bit) => 1n << BigInt(bit)),
  ...[3n, 5n, 6n, 7n, 10n, 16n, 0xffff_ffffn, (1n << 32n) | 1n, (1n << 32n) | 4n, (1n << 63n) | 2n, (1n << 64n) - 1n],
];

/** The interface of test runs. */
const LOOPBACK = { interfaces: [{ name: "lo", index: 1, mac: "00:00:00:00:00:00", mtu: 65535 }] };

suite("flags of helpers", ["bpf"], () => {
  it.each(OPERATIONS.map((name, operation) => [name, operation] as const))("%s", async (_, operation) => {
    using pair = await Pair.of(readDriver("flags"), "flags", { network: LOOPBACK });
    // Nobody reads the events of the kernel either.
    for (let cpu = 0; cpu < 4; cpu++) pair.vm.map("events").delete(new Uint8Array(Uint32Array.of(cpu).buffer));
    const answers = new Set<bigint>();
    for (const flags of FLAGS) {
      for (const key of [0, 1, 100]) {
        const { kernel, machine } = pair.call({ words: [operation, flags, key, 7] });
        expect(machine.words[0], `flags 0x${flags.toString(16)}, key ${key}`).toBe(kernel.words[0]);
        answers.add(kernel.words[0]!);
      }
    }
    // The kernel ignores what it does not know when a record is given away.
    expect(answers.size).toBeGreaterThan(OPERATIONS[operation] === "ringbuf_discard" ? 0 : 1);
  });
});
