/** Test runs whose frames are real (BPF_F_TEST_XDP_LIVE_FRAMES), and the kernel's counts of runs. */
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  enableStatistics,
  inNamespace,
  type KernelProgram,
  type Loaded,
  load,
  programInfo,
} from "../../src/kernel/index.ts";
import { programOf } from "../support/assembly.ts";
import { Namespace } from "../support/namespace.ts";
import { suite } from "../support/require.ts";

const COUNT = 1_000;

suite("live frames", ["root", "bpf", "ip", "kernel 5.18"], () => {
  let namespace: Namespace;
  let packet: Uint8Array;
  let receiver: Loaded;

  beforeEach(async () => {
    namespace = new Namespace("live");
    namespace.veth("v0", "v1");
    // What XDP sends enters a veth only where that end has a program, too.
    receiver = await load(programOf("r0 = 2\nexit"));
    inNamespace(namespace.name, () => receiver.attach("main", { interface: "v1", via: "netlink" })[Symbol.dispose]());
    packet = new Uint8Array(64);
    packet.set(
      namespace
        .link("v1")
        .mac.split(":")
        .map((byte) => Number.parseInt(byte, 16)),
    );
    packet.set([0x88, 0xb5], 12); // for experiments, so that nobody answers
  });
  afterEach(() => {
    receiver[Symbol.dispose]();
    namespace[Symbol.dispose]();
  });

  const received = (name: string): number =>
    (JSON.parse(namespace.ip(`-j -s link show ${name}`)) as [{ stats64: { rx: { packets: number } } }])[0].stats64.rx
      .packets;

  async function send(action: number, options: { readonly batchSize?: number } = {}): Promise<number> {
    using loaded = await load(programOf(`r0 = ${action}\nexit`));
    const { index } = namespace.link("v0");
    const before = received("v1");
    const program: KernelProgram = loaded.program("main");
    const { durationNs } = inNamespace(namespace.name, () =>
      program.runLive(packet, { ingressInterface: index, repeat: COUNT, ...options }),
    );
    expect(durationNs).toBeGreaterThan(0);
    return received("v1") - before;
  }

  it("XDP_TX leaves at the interface", async () => {
    const arrived = await send(3);
    expect(arrived).toBeGreaterThanOrEqual(COUNT);
    expect(arrived).toBeLessThan(COUNT + 50); // neighbour discovery
    expect(await send(3, { batchSize: 16 })).toBeGreaterThanOrEqual(COUNT);
  });

  it("XDP_DROP does not", async () => {
    expect(await send(1)).toBeLessThan(50);
  });

  it("says what the kernel does not take", async () => {
    using loaded = await load(programOf("r0 = 1\nexit"));
    const run = (options: { readonly ingressInterface: number; readonly batchSize?: number }) => () =>
      loaded.program("main").runLive(packet, options);
    expect(run({ ingressInterface: 0x7fffffff })).toThrow("BPF_PROG_TEST_RUN failed with");
    expect(run({ ingressInterface: 0, batchSize: 257 })).toThrow("BPF_PROG_TEST_RUN failed with E2BIG");
  });

  it("runs are counted while statistics are on", async () => {
    using loaded = await load(programOf("r0 = 2\nexit"));
    const program = loaded.program("main");
    const count = () => programInfo(program).runs.count;
    const before = count();
    {
      using _ = enableStatistics();
      program.run(packet, { repeat: 7 });
    }
    expect(count() - before).toBe(7n);
    program.run(packet, { repeat: 7 });
    expect(count() - before).toBe(7n);
  });
});
