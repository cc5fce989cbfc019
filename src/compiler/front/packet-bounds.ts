/** Where the packet begins and ends: `data` and `data_end` of `struct xdp_md`, read anew whenever they may have changed. */
import type { ValueId } from "../ir/ir.ts";
import type { Front } from "./front.ts";

/** Offsets in `struct xdp_md` (include/uapi/linux/bpf.h). */
export const XDP_MD = {
  data: 0,
  dataEnd: 4,
  dataMeta: 8,
  ingressIfindex: 12,
  rxQueueIndex: 16,
  egressIfindex: 20,
} as const;

export function contextField(front: Front, offset: number, type: "scalar" | "pointer" = "scalar"): ValueId {
  return front.emit({ kind: "load", size: 4, signed: false, base: front.context, offset }, type);
}

/** Begins a generation of packet places: those of earlier ones are dead. */
export function loadPacket(front: Front, killer: string | undefined, killerLine: number): void {
  const { state } = front;
  const generation = killer === undefined ? 0 : front.newGeneration();
  const data = contextField(front, XDP_MD.data, "pointer");
  const end = contextField(front, XDP_MD.dataEnd, "pointer");
  state.packet = { generation, data, end, killer, killerLine };
  for (const [key, { region }] of state.loads)
    if (region === "packet" || region === "packet-length") state.loads.delete(key);
}
