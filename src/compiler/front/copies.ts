/** Copies of places on the stack: for `copyOf`, and for helpers that may not read the packet. */
import type { SyntaxNode } from "../stage/syntax.ts";
import type { Front } from "./front.ts";
import { requireUsable, write } from "./memory.ts";
import { contentOf, newObject } from "./objects.ts";
import type { PlaceValue } from "./value.ts";
import { loadBytes } from "./words.ts";

export const isInPacket = ({ at }: PlaceValue): boolean =>
  at.kind === "memory" && (at.region.kind === "packet" || at.region.kind === "metadata");

/** Up to so many bytes are copied to registers; larger copies live on the stack from the start. */
const REGISTER_COPY = 32;

/** A stack value with the bytes of a place. */
export function copyOfPlace(front: Front, place: PlaceValue, node: SyntaxNode): number {
  requireUsable(front, place, node);
  const { size } = place.layout;
  const isSmall =
    size <= REGISTER_COPY || (place.at.kind === "object" && contentOf(front, place.at.object).kind === "bytes");
  const object = newObject(front, isSmall ? loadBytes(front, place.at, size) : new Array<number>(size).fill(0));
  if (isSmall) return object;
  front.state.objects.set(object, { kind: "slot" });
  write(front, place.schema, { kind: "object", object, offset: 0 }, place, node, "the copy");
  return object;
}
