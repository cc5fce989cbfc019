/** What a program gets in the reference: the context with its packet (src/lang/context.ts says what each method does). */
import { layoutOf } from "../../../src/schema/index.ts";
import { PacketMemory } from "./packet.ts";
import { type AnySchema, locationOf, placeAt } from "./places.ts";

export interface Arrival {
  readonly ingressInterface: number;
  readonly rxQueue: number;
  readonly egressInterface: number;
}

const sizeOf = (schema: AnySchema): number => layoutOf(schema).size;

/** Drivers without hardware hints: the three of them are null. */
export class ReferenceContext implements Arrival {
  readonly memory: PacketMemory;
  readonly ingressInterface: number;
  readonly rxQueue: number;
  readonly egressInterface: number;

  constructor(packet: Uint8Array, arrival: Arrival) {
    this.memory = new PacketMemory(packet);
    this.ingressInterface = arrival.ingressInterface;
    this.rxQueue = arrival.rxQueue;
    this.egressInterface = arrival.egressInterface;
  }

  get length(): number {
    return this.memory.length;
  }
  get totalLength(): number {
    return this.memory.length;
  }
  header(schema: AnySchema, offset: number): object | null {
    const location = this.memory.at(offset, sizeOf(schema));
    return location && placeAt(schema, location);
  }
  cursor(offset = 0): ReferenceCursor {
    return new ReferenceCursor(this, offset);
  }

  prepend(schema: AnySchema): object | null {
    return this.replaceHead(0, schema);
  }
  replaceHead(removed: number, schema: AnySchema): object | null {
    const delta = removed - sizeOf(schema);
    if (delta !== 0 && !this.memory.adjustHead(delta)) return null;
    return this.header(schema, 0);
  }
  removeHead(count: number): boolean {
    return this.memory.adjustHead(count);
  }
  setLength(length: number): boolean {
    return this.memory.adjustTail(length - this.memory.length);
  }

  adjustHead(delta: number): boolean {
    return this.memory.adjustHead(delta);
  }
  adjustTail(delta: number): boolean {
    return this.memory.adjustTail(delta);
  }
  adjustMeta(delta: number): boolean {
    return this.memory.adjustMeta(delta);
  }
  metadata(schema: AnySchema): object | null {
    const location = this.memory.metadata(sizeOf(schema));
    return location && placeAt(schema, location);
  }
  prependMetadata(schema: AnySchema): object | null {
    return this.memory.adjustMeta(-sizeOf(schema)) ? this.metadata(schema) : null;
  }

  loadBytes(offset: number, into: object): boolean {
    return this.#transfer(offset, into, (packet, place) => place.set(packet));
  }
  storeBytes(offset: number, from: object): boolean {
    return this.#transfer(offset, from, (packet, place) => packet.set(place));
  }
  #transfer(offset: number, place: object, move: (packet: Uint8Array, place: Uint8Array) => void): boolean {
    const bytes = locationOf(place)?.bytes;
    if (!bytes) throw new TypeError("loadBytes and storeBytes take a place");
    if (offset > 0xffff || offset + bytes.length > this.length) return false;
    const at = this.memory.data + offset;
    move(this.memory.region.bytes.subarray(at, at + bytes.length), bytes);
    return true;
  }

  rxTimestamp(): null {
    return null;
  }
  rxHash(): null {
    return null;
  }
  rxVlanTag(): null {
    return null;
  }
}

class ReferenceCursor {
  readonly #context: ReferenceContext;
  offset: number;

  constructor(context: ReferenceContext, offset: number) {
    this.#context = context;
    this.offset = offset;
  }
  take(schema: AnySchema): object | null {
    const place = this.#context.header(schema, this.offset);
    if (place) this.offset += sizeOf(schema);
    return place;
  }
  peek(schema: AnySchema, ahead = 0): object | null {
    return this.#context.header(schema, this.offset + ahead);
  }
  skip(bytes: number): void {
    this.offset += bytes;
  }
}
