/**
 * How often blocks run, by a guess: a branch to code that soon ends the program is rarely taken, a loop runs eight times.
 * Packet programs are a straight way with many early ends.
 */
import type { MachineFunction } from "./machine.ts";

const RARE = 0.06;
const ROUNDS = 8;

/** One number per block; the entry has 1. */
export function frequenciesOf({ blocks }: MachineFunction): number[] {
  const order = postorder(blocks.map(({ successors }) => successors));
  const distance = distances(
    blocks.map(({ successors }) => successors),
    order,
  );
  const position = new Map(order.map((id, at) => [id, at]));
  const frequencies = blocks.map(() => 0);
  frequencies[0] = 1;
  for (const id of order.toReversed()) {
    const forward = [...new Set(blocks[id]!.successors)].filter((to) => position.get(to)! < position.get(id)!);
    for (const to of forward) frequencies[to]! += frequencies[id]! * share(to, forward, distance);
  }
  const depths = loopDepths(
    blocks.map(({ successors }) => successors),
    position,
  );
  return frequencies.map((one, id) => Math.max(one, 1e-4) * ROUNDS ** depths[id]!);
}

/** In how many loops each block lies. */
function loopDepths(successors: readonly (readonly number[])[], position: ReadonlyMap<number, number>): number[] {
  const predecessors: number[][] = successors.map(() => []);
  successors.forEach((all, from) => {
    for (const to of all) predecessors[to]!.push(from);
  });
  const depths = successors.map(() => 0);
  for (const header of position.keys()) {
    const latches = predecessors[header]!.filter((from) => (position.get(from) ?? 0) <= position.get(header)!);
    if (latches.length === 0) continue;
    const body = new Set([header]);
    for (const pending = [...latches]; pending.length > 0; ) {
      const id = pending.pop()!;
      if (body.has(id) || !position.has(id)) continue;
      body.add(id);
      pending.push(...predecessors[id]!);
    }
    for (const id of body) depths[id]!++;
  }
  return depths;
}

/** The part of the paths that goes to one of two blocks. */
function share(to: number, all: readonly number[], distance: readonly number[]): number {
  if (all.length < 2) return 1;
  const [a, b] = all as [number, number];
  const other = to === a ? b : a;
  const [mine, its] = [distance[to]!, distance[other]!];
  if (mine * 2 < its) return RARE;
  return its * 2 < mine ? 1 - RARE : 0.5;
}

/** The most blocks that may follow before the program ends. */
function distances(successors: readonly (readonly number[])[], order: readonly number[]): number[] {
  const distance = successors.map(() => 0);
  for (const id of order) distance[id] = 1 + Math.max(0, ...successors[id]!.map((to) => distance[to]!));
  return distance;
}

function postorder(successors: readonly (readonly number[])[]): number[] {
  const seen = new Set([0]);
  const order: number[] = [];
  const stack = [{ id: 0, next: 0 }];
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    const to = successors[top.id]![top.next++];
    if (to === undefined) order.push(stack.pop()!.id);
    else if (!seen.has(to)) {
      seen.add(to);
      stack.push({ id: to, next: 0 });
    }
  }
  return order;
}
