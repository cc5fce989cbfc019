/**
 * LPM_TRIE (kernel/bpf/lpm_trie.c): a binary trie whose nodes skip common bits.
 *
 *   key: | prefix length (u32, host order) | data, most significant bit first |
 *
 * Invariant: intermediate nodes carry no value; a look-up never matches more bits than the key's own prefix length.
 */
import type { BpfMap } from "../../object/index.ts";
import { errno, UpdateFlag } from "../../uapi/index.ts";
import { type MapHost, VmMap } from "./map.ts";
import { Storage } from "./storage.ts";

interface Node {
  /** Prefix bits; bytes behind them are as the key had them. */
  readonly length: number;
  /** Replaced by an update of the same prefix, as the kernel replaces the node. */
  data: Uint8Array;
  /** Element of the storage; -1 for an intermediate node. */
  element: number;
  readonly children: [Node | undefined, Node | undefined];
}

export class LpmTrie extends VmMap {
  readonly #values: Storage;
  readonly #bits: number;
  readonly #free: number[] = [];
  #fresh = 0;
  #root: Node | undefined;
  #count = 0;

  constructor(definition: BpfMap, host: MapHost, index: number) {
    super(definition, host, index);
    this.#bits = (definition.keySize - 4) * 8;
    this.#values = new Storage(host.memory, {
      name: `value of map ${definition.name}`,
      element: definition.valueSize,
      count: definition.maxEntries + 1,
      readOnly: this.readOnlyForPrograms,
    });
  }

  override lookup(key: number): number {
    const length = this.host.memory.view.getUint32(key, true);
    if (length > this.#bits) return 0;
    const data = this.host.memory.bytes.subarray(key + 4, key + this.definition.keySize);
    let node = this.#root;
    let found: Node | undefined;
    while (node) {
      const matched = commonBits(node, data, length);
      if (matched === this.#bits) return this.#values.address(node.element);
      if (matched < node.length) break;
      if (node.element >= 0) found = node;
      node = node.children[bitAt(data, node.length)];
    }
    return found ? this.#values.address(found.element) : 0;
  }

  override update(key: number, value: number, flags: number): number {
    const length = this.host.memory.view.getUint32(key, true);
    if (flags > UpdateFlag.EXIST || length > this.#bits) return -errno.EINVAL;
    const data = this.host.memory.bytes.slice(key + 4, key + this.definition.keySize);
    const old = this.#exact(data, length);
    if (old && flags === UpdateFlag.NOEXIST) return -errno.EEXIST;
    if (!old && flags === UpdateFlag.EXIST) return -errno.ENOENT;
    if (!old && this.#count >= this.definition.maxEntries) return -errno.ENOSPC;
    const element = this.#free.pop() ?? this.#fresh++;
    const at = this.#values.address(element);
    this.host.memory.bytes.copyWithin(at, value, value + this.definition.valueSize);
    if (old) {
      this.#free.push(old.element);
      old.element = element;
      old.data = data;
    } else this.#insert({ length, data, element, children: [undefined, undefined] });
    return 0;
  }

  override delete(key: number): number {
    const length = this.host.memory.view.getUint32(key, true);
    if (length > this.#bits) return -errno.EINVAL;
    const data = this.host.memory.bytes.subarray(key + 4, key + this.definition.keySize);
    const node = this.#exact(data, length);
    if (!node) return -errno.ENOENT;
    this.#free.push(node.element);
    node.element = -1;
    this.#count--;
    this.#prune(data, length);
    return 0;
  }

  /** Longer prefixes before the shorter ones that hold them, as trie_get_next_key walks. */
  override *keys(): IterableIterator<Uint8Array> {
    for (const node of postorder(this.#root)) {
      if (node.element < 0) continue;
      const key = new Uint8Array(this.definition.keySize);
      new DataView(key.buffer).setUint32(0, node.length, true);
      key.set(node.data, 4);
      yield key;
    }
  }

  override get size(): number {
    return this.#count;
  }

  #exact(data: Uint8Array, length: number): Node | undefined {
    let node = this.#root;
    while (node && commonBits(node, data, length) === node.length) {
      if (node.length === length) return node.element >= 0 ? node : undefined;
      node = node.children[bitAt(data, node.length)];
    }
    return undefined;
  }

  #insert(fresh: Node): void {
    this.#count++;
    let parent: Node | undefined;
    let node = this.#root;
    let matched = 0;
    while (node) {
      matched = commonBits(node, fresh.data, fresh.length);
      if (node.length !== matched || node.length === fresh.length) break;
      parent = node;
      node = node.children[bitAt(fresh.data, node.length)];
    }
    this.#replace(parent, fresh, this.#join(fresh, node, matched));
  }

  /** What stands in the place of `node` once `fresh` is in. */
  #join(fresh: Node, node: Node | undefined, matched: number): Node {
    if (!node) return fresh;
    if (node.length === matched && node.length === fresh.length) {
      // An intermediate node of just this prefix becomes a real one.
      node.element = fresh.element;
      node.data = fresh.data;
      return node;
    }
    if (matched === fresh.length) {
      fresh.children[bitAt(node.data, matched)] = node;
      return fresh;
    }
    const fork: Node = { length: matched, data: node.data, element: -1, children: [undefined, undefined] };
    const side = bitAt(fresh.data, matched);
    fork.children[side] = fresh;
    fork.children[side === 0 ? 1 : 0] = node;
    return fork;
  }

  #replace(parent: Node | undefined, towards: Node, child: Node | undefined): void {
    if (parent) parent.children[bitAt(towards.data, parent.length)] = child;
    else this.#root = child;
  }

  /** Takes out nodes on the way to a deleted prefix that hold neither a value nor two children. */
  #prune(data: Uint8Array, length: number): void {
    const shrink = (node: Node | undefined): Node | undefined => {
      if (!node) return undefined;
      if (node.length < length) {
        const side = bitAt(data, node.length);
        node.children[side] = shrink(node.children[side]);
      }
      if (node.element >= 0 || (node.children[0] && node.children[1])) return node;
      return node.children[0] ?? node.children[1];
    };
    this.#root = shrink(this.#root);
  }
}

/** 0 or 1: bit `index` of the data, counted from the most significant; 0 behind the end. */
function bitAt(data: Uint8Array, index: number): 0 | 1 {
  return (((data[index >> 3] ?? 0) >> (7 - (index & 7))) & 1) as 0 | 1;
}

/** Leading bits that the node's prefix and the key's first `length` bits share. */
function commonBits(node: Node, data: Uint8Array, length: number): number {
  const limit = Math.min(node.length, length);
  for (let byte = 0; byte * 8 < limit; byte++) {
    const difference = node.data[byte]! ^ data[byte]!;
    if (difference !== 0) return Math.min(limit, byte * 8 + Math.clz32(difference) - 24);
  }
  return limit;
}

function* postorder(node: Node | undefined): Generator<Node> {
  if (!node) return;
  yield* postorder(node.children[0]);
  yield* postorder(node.children[1]);
  yield node;
}
