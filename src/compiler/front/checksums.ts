/**
 * The Internet checksum (RFC 1071) and its update (RFC 1624). Sums are kept in the order of memory, which one's
 * complement allows, and swapped once at the end; a field that is written at once loses that swap too.
 */
import { layoutOf } from "../../schema/index.ts";
import type { ValueId } from "../ir/ir.ts";
import type { SyntaxNode } from "../stage/syntax.ts";
import { argument, argumentNode, type Handler, value } from "./call.ts";
import { compare } from "./comparisons.ts";
import { asIpAddress, numberOf } from "./convert.ts";
import type { Front, JumpTarget, Outcome } from "./front.ts";
import { outcome } from "./join.ts";
import { countedLoop, withTarget } from "./loops.ts";
import { requireUsable } from "./memory.ts";
import { binary } from "./operators.ts";
import { headerAt } from "./packet.ts";
import { describeValue, isStaged, NULL, type PlaceValue, staged, U32, type Value } from "./value.ts";
import { swap, wordsOf } from "./words.ts";

/** A sum and the most that it can be. */
interface Sum {
  readonly id: ValueId;
  readonly max: number;
}

const add = (front: Front, sum: Sum | undefined, id: ValueId, max: number): Sum =>
  sum ? { id: front.alu("add", sum.id, id), max: sum.max + max } : { id, max };

/** Carries put back until 16 bits are left. */
function foldSum(front: Front, { id, max }: Sum): ValueId {
  let [sum, limit] = [id, max];
  while (limit > 0xffff) {
    const low = front.aluConstant("and", sum, 0xffff);
    sum = front.alu("add", low, front.aluConstant("shr", sum, 16));
    const [high, rest] = [Math.floor(limit / 0x10000), limit % 0x10000];
    limit = Math.max(high - 1 + 0xffff, high + rest);
  }
  return sum;
}

const invert = (front: Front, sum: ValueId): ValueId => front.aluConstant("xor", sum, 0xffff);

function sumPlace(front: Front, place: PlaceValue, sum: Sum | undefined, node: SyntaxNode): Sum | undefined {
  requireUsable(front, place, node);
  const { size } = layoutOf(place.schema);
  if (size % 2 !== 0) front.fail("COMPILER_TYPE", { expected: "a place of even size", found: `${size} bytes` }, node);
  let total = sum;
  // Words of 32 bits: their sum has room in 64.
  for (const { id, size: width } of wordsOf(front, place.at, size, 4))
    total = add(front, total, id, 2 ** (8 * width) - 1);
  return total;
}

const sixteen = (id: ValueId): Value => ({ kind: "number", id, range: { min: 0, max: 0xffff } });

const checksum: Handler = value((front, call) => {
  let sum: Sum | undefined;
  for (const [index, place] of call.values.entries()) {
    const node = argumentNode(call, index);
    if (place.kind !== "place")
      return front.fail("COMPILER_TYPE", { expected: "a place", found: describeValue(place) }, node);
    sum = sumPlace(front, place, sum, node);
  }
  if (!sum) return staged(0xffff);
  return sixteen(swap(front, invert(front, foldSum(front, sum)), 2));
});

/** The words of a number or an address in the order of memory: as they stand, or would stand, in a header. */
function pieces(front: Front, given: Value, node: SyntaxNode): readonly Sum[] {
  const one = asIpAddress(front, front.settle(given), node);
  if (one.kind === "address") {
    return one.words.flatMap(({ id, size }): Sum[] => {
      if (size < 8) return [{ id, max: 2 ** (8 * size) - 1 }];
      return [
        { id: front.aluConstant("and", id, 0xffffffffn), max: U32.max },
        { id: front.aluConstant("shr", id, 32), max: U32.max },
      ];
    });
  }
  const { range, id } = numberOf(front, one, node);
  if (range.min < 0 || range.max > U32.max)
    front.fail("COMPILER_TYPE", { expected: "a number of 32 bits", found: "a wider one" }, node);
  const size = range.max <= 0xffff ? 2 : 4;
  return [{ id: swap(front, id(), size), max: 2 ** (8 * size) - 1 }];
}

/** RFC 1624 equation 3: HC' = ~(~HC + ~m + m'). The sums of m and m' are sums of words: they may differ in length. */
const checksumReplace: Handler = value((front, call) => {
  const [before, after] = [1, 2].map((index) => pieces(front, argument(call, index), argumentNode(call, index)));
  const { id, range } = numberOf(front, argument(call, 0), argumentNode(call, 0));
  const sixteenBits = range.min < 0 || range.max > 0xffff ? front.aluConstant("and", id(), 0xffff) : id();
  let sum: Sum = { id: invert(front, swap(front, sixteenBits, 2)), max: 0xffff };
  for (let index = 0; index < Math.max(before!.length, after!.length); index++) {
    const [from, to] = [before![index], after![index]];
    const width = from && from.max > 0xffff ? 0xffffffff : 0xffff;
    if (from) sum = add(front, sum, front.aluConstant("xor", from.id, width), width);
    if (to) sum = add(front, sum, to.id, to.max);
  }
  return sixteen(swap(front, invert(front, foldSum(front, sum)), 2));
});

/** Adds the 16-bit words of a piece, in network order, without folding. */
const checksumAdd: Handler = value((front, call) => {
  let sum: Value = argument(call, 0);
  numberOf(front, sum, argumentNode(call, 0));
  const node = argumentNode(call, 1);
  for (const word of networkWords(front, asIpAddress(front, front.settle(argument(call, 1)), node), node))
    sum = front.settle(binary(front, "+", sum, word, call.node));
  return sum;
});

function networkWords(front: Front, piece: Value, node: SyntaxNode): Value[] {
  if (piece.kind === "place") {
    requireUsable(front, piece, node);
    const { size } = piece.layout;
    if (size % 2 !== 0) front.fail("COMPILER_TYPE", { expected: "a place of even size", found: `${size} bytes` }, node);
    return wordsOf(front, piece.at, size, 2).map(({ id }) => sixteen(swap(front, id, 2)));
  }
  if (piece.kind === "address") {
    return piece.words.flatMap(({ id, size }) => {
      const swapped = swap(front, id, size);
      return Array.from({ length: size / 2 }, (_, at) => {
        const shifted = at === size / 2 - 1 ? swapped : front.aluConstant("shr", swapped, 8 * size - 16 * (at + 1));
        return sixteen(at === 0 ? shifted : front.aluConstant("and", shifted, 0xffff));
      });
    });
  }
  const { range, id, constant } = numberOf(front, piece, node);
  if (range.min < 0 || range.max > U32.max)
    front.fail("COMPILER_TYPE", { expected: "a number of 32 bits", found: "a wider one" }, node);
  if (constant !== undefined) return [staged(constant >>> 16), staged(constant & 0xffff)];
  if (range.max <= 0xffff) return [piece];
  return [sixteen(front.aluConstant("shr", id(), 16)), sixteen(front.aluConstant("and", id(), 0xffff))];
}

const checksumFinish: Handler = value((front, call) => {
  const { range, id, constant } = numberOf(front, argument(call, 0), argumentNode(call, 0));
  if (range.min < 0)
    front.fail("COMPILER_NEGATIVE", { operator: "checksumFinish", min: range.min }, argumentNode(call, 0));
  if (constant !== undefined) {
    let sum = constant;
    while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
    return staged(sum ^ 0xffff);
  }
  return sixteen(invert(front, foldSum(front, { id: id(), max: range.max })));
});

/** Over `length` bytes of the packet: a loop over 16-bit words, and the odd byte as the high half of a last one. */
const checksumPacket: Handler = (front, call) => {
  const [offset, length] = [argument(call, 1), argument(call, 2)];
  const atMost = numberOf(front, argument(call, 3), argumentNode(call, 3));
  if (atMost.constant === undefined)
    return front.fail("COMPILER_NOT_STAGED", { what: "the most bytes" }, argumentNode(call, 3));
  const { node } = call;
  // Where a loop leaves: its body may be lowered several times, and what the last time left counts.
  const short: JumpTarget = { label: undefined, continues: undefined, breaks: [] };
  const isShort = (): Outcome[] => short.breaks.map((state) => ({ state, value: NULL }));
  const fits = compare(front, "<=", length, staged(atMost.constant), node);
  if (fits.no) short.breaks.push(fits.no);
  front.follow(fits.yes);
  if (!front.isReachable) return isShort();
  const sum = front.newVariable();
  front.state.variables.set(
    sum,
    isStaged(argument(call, 4)) && (argument(call, 4) as { value: unknown }).value === undefined
      ? staged(0)
      : argument(call, 4),
  );
  const add16 = (at: Value, isByte: boolean): void => {
    const position = front.settle(binary(front, "+", offset, at, node));
    const ways = headerAt(front, isByte ? front.unit.u8 : front.unit.u16, position, node);
    for (const one of ways) {
      if (one.value === NULL) short.breaks.push(one.state);
      else front.follow(one.state);
    }
    const place = ways.find((one) => one.value !== NULL)?.value as PlaceValue | undefined;
    if (!place) return front.follow(undefined);
    front.follow(ways.find((one) => one.value !== NULL)!.state);
    const [word] = wordsOf(front, place.at, isByte ? 1 : 2, 2);
    const id = isByte ? front.aluConstant("shl", word!.id, 8) : swap(front, word!.id, 2);
    front.state.variables.set(
      sum,
      front.settle(binary(front, "+", front.state.variables.get(sum)!, sixteen(id), node)),
    );
  };
  const { range } = numberOf(front, length, argumentNode(call, 2));
  if (range.min < 0)
    front.fail("COMPILER_NEGATIVE", { operator: "checksumPacket", min: range.min }, argumentNode(call, 2));
  const words = front.settle(binary(front, ">>", length, staged(1), node));
  withTarget(front, short, () =>
    countedLoop(front, node, staged(0), words, undefined, (index) =>
      add16(front.settle(binary(front, "*", index, staged(2), node)), false),
    ),
  );
  const odd = compare(front, "!==", binary(front, "&", length, staged(1), node), staged(0), node);
  if (odd.yes) {
    front.follow(odd.yes);
    // Behind the words: `length - 1` might be negative for all that is known of it.
    add16(front.settle(binary(front, "*", words, staged(2), node)), true);
  }
  front.joinStates([...(odd.yes && front.isReachable ? [front.leave()] : []), odd.no]);
  if (!front.isReachable) return isShort();
  const total = numberOf(front, front.state.variables.get(sum)!, node);
  const finished = sixteen(invert(front, foldSum(front, { id: total.id(), max: total.range.max })));
  return [...outcome(front, finished), ...isShort()];
};

export const CHECKSUMS: Readonly<Record<string, Handler>> = {
  checksum,
  checksumReplace,
  checksumAdd,
  checksumFinish,
  checksumPacket,
};
