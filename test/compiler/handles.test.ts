/** Kernel modules from user space: programs compiled by createVm, and every kind of handle opened with `vm.map(handle)`. */
import { expect, it } from "vitest";
import { XdpAction } from "../../src/lang/index.ts";
import { createVm, type VmOptions } from "../../src/vm/index.ts";
import { refusal } from "../answers.ts";
import * as handles from "../support/handles.xdp.ts";

const {
  answer,
  commanded,
  commands,
  count,
  cpus,
  events,
  first,
  known,
  leaving,
  lengths,
  limits,
  main,
  next,
  outcomes,
  peers,
  ports,
} = handles;
const { routes, runs, samples, strict, tenants, work, Peer, Seen } = handles;

const packet = new Uint8Array(60);
packet.set([0x45], 14);
packet.set([192, 0, 2, 1, 198, 51, 100, 7], 26);

const machine = (options: VmOptions = {}) => createVm([main, leaving, answer], { program: "main", ...options });

it("hash maps hold the module's own structs and addresses", async () => {
  const vm = await machine();
  const map = vm.map(peers);
  map.set("192.0.2.1", { address: "2001:db8::1", port: 443, packets: 2n });
  expect(vm.run(packet).action).toBe(XdpAction.Drop);
  const peer = new Peer({ address: "2001:db8::1", port: 443, packets: 3n });
  expect(map.get("192.0.2.1")).toEqual(peer);
  expect([[...map.entries()], map.size]).toEqual([[["192.0.2.1", peer]], 1]);
  expect([map.delete("192.0.2.1"), map.delete("192.0.2.1"), map.get("192.0.2.1")]).toEqual([true, false, undefined]);
  map.set("192.0.2.1", peer, "create");
  expect(refusal(() => map.set("192.0.2.1", peer, "create"))[0]).toBe("VM_MAP_OPERATION");
  expect(refusal(() => map.set("192.0.2", peer))).toEqual(["SCHEMA_ADDRESS", "$.key"]);
  expect(refusal(() => map.set("192.0.2.1", { ...peer, port: 65536 }))).toEqual(["SCHEMA_RANGE", "$.value.port"]);
});

it("tries take prefixes as text", async () => {
  const vm = await machine();
  vm.map(routes).set("198.51.100.0/24", 1);
  expect(vm.run(packet).action).toBe(XdpAction.Aborted);
  expect([...vm.map(routes).entries()]).toEqual([["198.51.100.0/24", 1]]);
  expect(vm.map(routes).get("198.51.100.0/24")).toBe(1);
  for (const wrong of ["198.51.100.0/33", "198.51.100.0"])
    expect(refusal(() => vm.map(routes).set(wrong, 1))).toEqual(["LANG_PREFIX", "$.key"]);
});

it("arrays begin with the entries of their declaration, per-CPU maps have a value per CPU", async () => {
  const vm = await machine({ cpus: 2 });
  expect([...vm.map(lengths).entries()]).toEqual([
    [0, 0],
    [1, 7],
  ]);
  vm.run(packet, { cpu: 1 });
  vm.run(packet, { cpu: 1 });
  expect(vm.map(runs).get(0)).toEqual([0n, 10n]);
  vm.map(runs).set(0, [1n, 2n]);
  expect([...vm.map(runs).entries()]).toEqual([[0, [1n, 2n]]]);
});

it("queues and Bloom filters have no keys", async () => {
  const vm = await machine();
  vm.map(work).push(9);
  expect(vm.map(known).has(9)).toBe(false);
  vm.run(packet);
  expect([vm.map(known).has(9), vm.map(work).pop()]).toEqual([true, undefined]);
});

it("globals and settings are variables, outcomes are sums over CPUs by name", async () => {
  const vm = await machine({ cpus: 2, settings: [strict.with(1)] });
  vm.run(packet);
  vm.run(packet.subarray(0, 20), { cpu: 0 });
  vm.run(packet.subarray(0, 20), { cpu: 1 });
  expect(vm.map(count).value).toBe(4n);
  vm.map(count).value = 40n;
  vm.run(packet);
  expect(vm.map(count).value).toBe(41n);
  expect(vm.map(outcomes).read()).toEqual({ short: 2n, limited: 0n, known: 0n });
});

it("program arrays, device maps and maps of maps hold handles", async () => {
  const vm = await machine({ settings: [strict.with(1)], network: { interfaces: [{ name: "eth1", index: 7 }] } });
  vm.map(next).set(1, answer);
  expect([vm.map(next).get(1), vm.run(packet).action]).toEqual([answer, XdpAction.Tx]);
  vm.map(next).delete(1);
  vm.map(ports).set(2, { interface: "eth1", program: leaving });
  expect([...vm.map(ports).entries()]).toEqual([[2, { interface: 7, program: leaving }]]);
  expect([...vm.map(tenants).entries()]).toEqual([[0, first]]);
  vm.map(tenants).set(1, limits);
  vm.map(limits).set(3, 4);
  expect(vm.map(tenants).get(1)).toBe(limits);
  expect(vm.run(packet)).toMatchObject({ action: XdpAction.Redirect, redirect: { second: { program: "leaving" } } });
  vm.map(limits).delete(3);
  vm.map(cpus).set(1, { queueSize: 64 });
  expect(vm.run(packet).action).toBe(XdpAction.Redirect);
});

it("records come to listeners, to drain() and to for await", async () => {
  const vm = await machine();
  const seen = new Seen({ source: "192.0.2.1", length: 7 });
  vm.run(packet);
  expect([vm.map(events).drain(), vm.map(events).drain(), vm.map(events).lost]).toEqual([[seen], [], 0n]);
  const heard: unknown[] = [];
  const end = vm.map(events).on((record) => heard.push(record));
  vm.run(packet);
  end();
  vm.run(packet);
  expect(heard).toEqual([seen]);
  setTimeout(() => vm.run(packet));
  let read = 0;
  for await (const record of vm.map(events)) {
    expect(record).toEqual(seen);
    if (++read === 2) break;
  }
  expect(vm.map(samples).drain()[0]).toEqual(
    Object.assign(new Seen({ source: "192.0.2.1", length: 1 }), { packet: new Uint8Array(4) }),
  );
});

it("records from user space come to the program", async () => {
  const vm = await machine();
  const send = (length: number) => vm.map(commands).send(new Seen({ source: "192.0.2.9", length }));
  expect([4, 5, 9, 100].map(send)).toEqual([true, true, true, true]);
  expect(vm.run(packet).action).toBe(XdpAction.Aborted);
  expect(vm.map(commanded).value).toBe(18n);
  vm.run(packet);
  expect(vm.map(commanded).value).toBe(118n);
  expect(Array.from({ length: 300 }, () => send(1)).filter((isSent) => !isSent).length).toBeGreaterThan(0);
});

it("a program alone needs no name, and what it does not use is not there", async () => {
  const vm = await createVm(answer);
  expect(vm.run(packet).name).toBe("XDP_TX");
  expect(refusal(() => vm.map(peers))[0]).toBe("VM_UNKNOWN_MAP");
  expect(refusal(() => vm.map(count))[0]).toBe("VM_UNKNOWN_VARIABLE");
});
