/** Which methods each kind of map has in kernel code, and those of outcome counters. */
import {
  ArrayMap,
  ArrayOfMaps,
  BloomFilter,
  CpuMap,
  DevMap,
  HashMap,
  HashOfMaps,
  LpmTrie,
  LruHashMap,
  LruPerCpuHashMap,
  type MapHandle,
  type Outcomes,
  PerCpuArray,
  PerCpuHashMap,
  PerfEventArray,
  ProgramArray,
  Queue,
  RingBuffer,
  UserRingBuffer,
  XskMap,
} from "../../lang/index.ts";
import { XdpAction } from "../../uapi/index.ts";
import { argument, argumentNode, type Call } from "./call.ts";
import { stagedOf } from "./convert.ts";
import type { Front, Outcome } from "./front.ts";
import { outcome } from "./join.ts";
import { ARRAY, BLOOM, HASH, lookupOnCpu, QUEUE, TRIE } from "./map-elements.ts";
import type { MapMethod } from "./map-receiver.ts";
import { DEVICES, has, NESTED, PROGRAMS, redirectMethod } from "./map-targets.ts";
import { countOutcome } from "./outcomes.ts";
import { drain, EVENTS, RING } from "./streams.ts";
import { staged, UNDEFINED } from "./value.ts";

const METHODS: readonly (readonly [
  abstract: abstract new (...values: never[]) => MapHandle,
  Readonly<Record<string, MapMethod>>,
])[] = [
  [HashMap, HASH],
  [LruHashMap, HASH],
  [PerCpuHashMap, { ...HASH, lookupOnCpu }],
  [LruPerCpuHashMap, { ...HASH, lookupOnCpu }],
  [ArrayMap, ARRAY],
  [PerCpuArray, { ...ARRAY, lookupOnCpu }],
  [LpmTrie, TRIE],
  [Queue, QUEUE],
  [BloomFilter, BLOOM],
  [DevMap, DEVICES],
  [CpuMap, { redirect: redirectMethod }],
  [XskMap, { redirect: redirectMethod, has }],
  [ProgramArray, PROGRAMS],
  [ArrayOfMaps, NESTED],
  [HashOfMaps, NESTED],
  [RingBuffer, RING],
  [PerfEventArray, EVENTS],
  [UserRingBuffer, { drain }],
];

/** The method of a map; undefined when this kind of map has none of that name. */
export function mapMethod(handle: MapHandle, name: string): MapMethod | undefined {
  return METHODS.find(([type]) => handle instanceof type)?.[1][name];
}

const ACTION_OF: Readonly<Record<string, number>> = {
  drop: XdpAction.Drop,
  pass: XdpAction.Pass,
  abort: XdpAction.Aborted,
};

export function outcomesMethod(
  front: Front,
  outcomes: Outcomes<string>,
  name: string,
  call: Call,
): Outcome[] | undefined {
  const node = argumentNode(call, 0);
  const reason = (): string => String(stagedOf(front, argument(call, 0), "the name of an outcome", node));
  const action = ACTION_OF[name];
  if (action !== undefined) {
    countOutcome(front, outcomes, reason(), node, call.node);
    return outcome(front, staged(action));
  }
  if (name === "count") {
    countOutcome(front, outcomes, reason(), node, call.node);
    return outcome(front, UNDEFINED);
  }
  if (name !== "as") return undefined;
  countOutcome(front, outcomes, reason(), node, call.node);
  return outcome(front, argument(call, 1));
}
