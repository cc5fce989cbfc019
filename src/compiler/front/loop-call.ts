/**
 * `loop(n, body)`: rounds that the verifier walks one by one where they are few, else `bpf_loop` (5.17), which calls the
 * body as a function. See docs/decisions/loops.md.
 */
import { XdpkitError } from "../../base/index.ts";
import { argument, argumentNode, type Call, type Handler } from "./call.ts";
import { calledLoop } from "./called-loop.ts";
import { numberOf } from "./convert.ts";
import type { Front, Outcome } from "./front.ts";
import { outcome } from "./join.ts";
import { countedLoop, MAX_ROUNDS, restore, takeSnapshot } from "./loops.ts";
import { copyState } from "./state.ts";
import { isOlder } from "./unit.ts";
import { staged, UNDEFINED } from "./value.ts";

/** BPF_MAX_LOOPS: for more `bpf_loop` answers -E2BIG (kernel/bpf/bpf_iter.c). */
const MAX_CALLS = 1 << 23;
/**
 * Instructions of a loop that the verifier may walk, as counted here. A call costs some 8 ns for each round (`npm run bench
 * -- loops`), so it is for loops that take much of the verifier's million; with branches that is three times the count.
 */
const MAX_WALKED = 32_768;

export const loop: Handler = (front, call) => {
  const { range } = numberOf(front, argument(call, 0), argumentNode(call, 0), "a number of rounds");
  if (range.max > MAX_ROUNDS) return manyRounds(front, call, range.max);
  const snapshot = takeSnapshot(front);
  const entry = copyState(front.state);
  const walked = walkedLoop(front, call);
  if (front.walked - snapshot.walked <= MAX_WALKED || !canCall(front, entry.lockedSince !== undefined)) return walked;
  const begin = (): void => {
    restore(front, snapshot);
    front.follow(copyState(entry));
  };
  begin();
  front.unit.hasCalledLoops = true;
  try {
    return calledLoop(front, call, range.max);
  } catch (error) {
    // What cannot be handed over stays where it is.
    if (!(error instanceof XdpkitError) || error.code.startsWith("INTERNAL")) throw error;
    begin();
    return walkedLoop(front, call);
  }
};

const canCall = ({ unit: { target, mayCallLoops } }: Front, isLocked: boolean): boolean =>
  mayCallLoops && !isLocked && (target === undefined || !isOlder(target, "5.17"));

function manyRounds(front: Front, call: Call, most: number): Outcome[] {
  const node = argumentNode(call, 0);
  front.unit.need(front, `a loop of more than ${MAX_ROUNDS} rounds`, "5.17", node);
  if (most > MAX_CALLS)
    front.fail(
      "COMPILER_LOOP",
      { problem: `it may go round more than ${MAX_CALLS} times` },
      node,
      `bound it: Math.min(n, ${MAX_CALLS})`,
    );
  front.unit.needHelper(front, "bpf_loop", call.node);
  return calledLoop(front, call, most);
}

function walkedLoop(front: Front, call: Call): Outcome[] {
  const body = argument(call, 1);
  const rounds = front.newVariable();
  front.state.variables.set(rounds, staged(0));
  countedLoop(front, call.node, staged(0), argument(call, 0), undefined, (index) => {
    const outcomes = front.language.callValue(front, body, [index], call.node);
    const going: Outcome[] = [];
    for (const { state, value: answer } of outcomes) {
      front.follow(state);
      const next = numberOf(front, index, call.node);
      state.variables.set(
        rounds,
        next.constant === undefined
          ? {
              kind: "number",
              id: front.aluConstant("add", next.id(), 1),
              range: { min: next.range.min + 1, max: next.range.max + 1 },
            }
          : staged(next.constant + 1),
      );
      const { yes, no } = front.language.truth(front, answer, call.node);
      if (yes) front.frame.targets.at(-1)!.breaks.push(yes);
      if (no) going.push({ state: no, value: UNDEFINED });
    }
    front.join(going);
  });
  if (!front.isReachable) return [];
  const count = front.state.variables.get(rounds)!;
  front.state.variables.delete(rounds);
  return outcome(front, front.settle(count));
}
