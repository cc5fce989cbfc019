/** Conditions as pairs of paths: those on which one holds, and the others. */
import type { ValueId } from "../ir/ir.ts";
import type { Front, Split } from "./front.ts";
import { MAX_SAFE, staged, type Value } from "./value.ts";

export function decided(front: Front, answer: boolean): Split {
  const state = front.leave();
  return answer ? { yes: state, no: undefined } : { yes: undefined, no: state };
}

export function isPresent(front: Front, id: ValueId): Split {
  const split = front.branch("ne", id, front.constant(0));
  front.learn(split.yes, id, { min: 1, max: MAX_SAFE });
  front.learn(split.no, id, { min: 0, max: 0 });
  return split;
}

/** Words that must all be equal. */
export function equalWords(front: Front, a: readonly ValueId[], b: readonly ValueId[]): Split {
  const no = [];
  for (const [index, word] of a.entries()) {
    const isConstant = front.builder.definition(word)?.operation.kind === "constant";
    const [x, y] = isConstant ? [b[index]!, word] : [word, b[index]!];
    const split = front.branch("eq", x, y);
    no.push(split.no);
    front.follow(split.yes);
  }
  const yes = front.leave();
  return { yes, no: front.joinStates(no) };
}

/** A condition as a value: 1 where it holds. */
export function booleanFrom(front: Front, { yes, no }: Split): Value {
  return front.join([
    ...(yes ? [{ state: yes, value: staged(true) }] : []),
    ...(no ? [{ state: no, value: staged(false) }] : []),
  ]);
}
