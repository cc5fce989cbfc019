/** Methods of maps that hold what is not bytes: devices, CPUs, sockets, programs, maps. */

import { XdpAction } from "../../uapi/index.ts";
import type { ValueId } from "../ir/ir.ts";
import { argument, argumentNode, type Call } from "./call.ts";
import { numberOf, stagedOf } from "./convert.ts";
import type { Front } from "./front.ts";
import { requireReleased } from "./held.ts";
import { outcome } from "./join.ts";
import { find, helperCall, type MapMethod, natural } from "./map-receiver.ts";
import { addressOfValue } from "./pass.ts";
import { isPresent } from "./splits.ts";
import { isStaged, staged, UNDEFINED } from "./value.ts";

const ACTIONS = { min: 0, max: 4 };

/** The action when there is no target; the helper returns it as it is. */
function otherwise(front: Front, call: Call): ValueId {
  const action = argument(call, 1);
  if (isStaged(action) && action.value === undefined) return front.constant(XdpAction.Aborted);
  const { id, range } = numberOf(front, action, argumentNode(call, 1), "an XdpAction");
  if (range.min < 0 || range.max > XdpAction.Tx)
    front.fail(
      "COMPILER_TYPE",
      { expected: "Aborted, Drop, Pass or Tx", found: "another action" },
      argumentNode(call, 1),
    );
  return id();
}

export const redirectMethod: MapMethod = (front, map, call) => {
  const key = natural(front, call, 0, "an index");
  const flags = otherwise(front, call);
  const id = helperCall(front, "bpf_redirect_map", [map.address(), key, flags], call.node);
  return outcome(front, { kind: "number", id, range: ACTIONS });
};

export const has: MapMethod = (front, map, call) => {
  const key = addressOfValue(front, front.unit.u32, argument(call, 0), argumentNode(call, 0));
  const found = helperCall(front, "bpf_map_lookup_elem", [map.address(), key], call.node, "pointer");
  const { yes, no } = isPresent(front, found);
  return [
    { state: yes!, value: staged(true) },
    { state: no!, value: staged(false) },
  ];
};

const BROADCAST = 8;

const EXCLUDE_INGRESS = 16;

export const DEVICES: Readonly<Record<string, MapMethod>> = {
  redirect: redirectMethod,
  has,
  broadcast: (front, map, call) => {
    const options = argument(call, 0);
    const excluded = options.kind === "record" ? options.fields.get("excludeIngress") : undefined;
    const isExcluding = excluded && stagedOf(front, excluded, "excludeIngress", argumentNode(call, 0)) === true;
    const flags = front.constant(BROADCAST | (isExcluding ? EXCLUDE_INGRESS : 0));
    front.unit.need(front, "broadcast", "5.13", call.node);
    const id = helperCall(front, "bpf_redirect_map", [map.address(), front.constant(0), flags], call.node);
    return outcome(front, { kind: "number", id, range: ACTIONS });
  },
};

export const PROGRAMS: Readonly<Record<string, MapMethod>> = {
  tailCall: (front, map, call) => {
    // The kernel comes back from a tail call of a subprogram, to the subprogram's caller.
    if (!front.isProgram)
      front.unsupported("tailCall in a subprogram", "return the index, and call it there", call.node);
    const index = natural(front, call, 1, "an index");
    requireReleased(front, call.node);
    helperCall(front, "bpf_tail_call", [front.context, map.address(), index], call.node);
    return outcome(front, UNDEFINED);
  },
};

export const NESTED: Readonly<Record<string, MapMethod>> = {
  lookup: (front, map, call) => {
    const found = find(front, map, argument(call, 0), argumentNode(call, 0), call.node);
    const template = map.handle.declaration.inner!;
    return outcome(front, {
      kind: "nullable",
      present: found,
      value: { kind: "innerMap", id: found, template },
      nothing: null,
    });
  },
};
