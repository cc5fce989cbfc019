/** Methods of ring buffers and perf arrays, both ways. */
import { layoutOf } from "../../schema/index.ts";
import { argument, argumentNode } from "./call.ts";
import { numberOf } from "./convert.ts";
import { outcome } from "./join.ts";
import { helperCall, type MapMethod, recordOf, succeeded } from "./map-receiver.ts";
import { placeAt } from "./memory.ts";
import { addressOutsidePacket } from "./pass.ts";
import { isPresent } from "./splits.ts";
import { callbackAddress } from "./subprograms.ts";
import { isStaged, type Region, staged, UNDEFINED, type Value } from "./value.ts";

/** Records from user space, one by one; one that is shorter than it should be is left out. */
export const drain: MapMethod = (front, map, call) => {
  const [body, node] = [argument(call, 0), argumentNode(call, 0)];
  const schema = recordOf(map.handle);
  const callback = callbackAddress(
    front,
    body,
    2,
    (inner, [dynptr]) => {
      const size = inner.constant(layoutOf(schema).size);
      const data = helperCall(inner, "bpf_dynptr_data", [dynptr!, inner.constant(0), size], node, "pointer");
      const { yes, no } = isPresent(inner, data);
      inner.follow(no);
      inner.exitWith(inner.constant(0));
      inner.follow(yes);
      const region: Region = { kind: "map", map: map.handle, isShared: false };
      return [placeAt(inner, schema, { kind: "memory", base: data, offset: 0, region, align: 8 })];
    },
    node,
  );
  const none = front.constant(0);
  const count = helperCall(front, "bpf_user_ringbuf_drain", [map.address(), callback, none, none], call.node);
  front.state.loads.clear();
  // A negative number says that another CPU is at it.
  const { yes: some, no: busy } = front.branch("sge", count, none);
  return [
    ...(some
      ? [{ state: some, value: { kind: "number", id: count, range: { min: 0, max: MOST_RECORDS } } as Value }]
      : []),
    ...(busy ? [{ state: busy, value: staged(0) }] : []),
  ];
};

/** BPF_MAX_USER_RINGBUF_SAMPLES (include/linux/bpf.h). */
const MOST_RECORDS = 128 * 1024;

const finish =
  (helper: string): MapMethod =>
  (front, _, call) => {
    const record = argument(call, 0);
    if (record.kind !== "place" || record.at.kind !== "memory" || record.at.region.kind !== "record")
      return front.fail(
        "COMPILER_TYPE",
        { expected: "a reserved record", found: "something else" },
        argumentNode(call, 0),
      );
    const { base } = record.at;
    helperCall(front, helper, [base, front.constant(0)], call.node);
    front.state.records = new Map([...front.state.records].filter(([id]) => id !== base));
    return outcome(front, UNDEFINED);
  };

export const RING: Readonly<Record<string, MapMethod>> = {
  reserve: (front, map, call) => {
    const schema = recordOf(map.handle);
    const size = front.constant(layoutOf(schema).size);
    const base = helperCall(
      front,
      "bpf_ringbuf_reserve",
      [map.address(), size, front.constant(0)],
      call.node,
      "pointer",
    );
    front.state.records = new Map([...front.state.records, [base, { kind: "record", line: front.lineOf(call.node) }]]);
    const region: Region = { kind: "record", map: map.handle };
    const place = placeAt(front, schema, { kind: "memory", base, offset: 0, region, align: 8 });
    return outcome(front, { kind: "nullable", present: base, value: place, nothing: null });
  },
  submit: finish("bpf_ringbuf_submit"),
  discard: finish("bpf_ringbuf_discard"),
  output: (front, map, call) => {
    const schema = recordOf(map.handle);
    const record = addressOutsidePacket(front, schema, argument(call, 0), argumentNode(call, 0));
    const size = front.constant(layoutOf(schema).size);
    return succeeded(
      front,
      helperCall(front, "bpf_ringbuf_output", [map.address(), record, size, front.constant(0)], call.node),
      call,
    );
  },
};

const CURRENT_CPU = 0xffffffffn;

export const EVENTS: Readonly<Record<string, MapMethod>> = {
  output: (front, map, call) => {
    const schema = recordOf(map.handle);
    const bytes = argument(call, 2);
    let flags = front.constant(CURRENT_CPU);
    if (!(isStaged(bytes) && bytes.value === undefined)) {
      const { constant, range, id } = numberOf(front, bytes, argumentNode(call, 2), "a number of bytes");
      if (range.min < 0 || range.max > 0xfffff)
        front.fail("COMPILER_LENGTH", { min: range.min, max: range.max, limit: 0xfffff }, argumentNode(call, 2));
      if (constant !== undefined) flags = front.constant(CURRENT_CPU | (BigInt(constant) << 32n));
      else flags = front.alu("or", front.aluConstant("shl", id(), 32), flags);
    }
    const record = addressOutsidePacket(front, schema, argument(call, 1), argumentNode(call, 1));
    const size = front.constant(layoutOf(schema).size);
    const result = helperCall(
      front,
      "bpf_perf_event_output",
      [front.context, map.address(), flags, record, size],
      call.node,
    );
    return succeeded(front, result, call);
  },
};
