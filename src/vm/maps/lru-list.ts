/**
 * The kernel's approximate LRU (kernel/bpf/bpf_lru_list.c), with what hurts: entries go before the map is full.
 *
 * An element is free, pending on the CPU that inserted it, inactive or active. Inserts take from the CPU's own free list,
 * which is refilled in batches; a look-up only sets a reference bit that the next rotation reads.
 *
 * Invariant: every element stands in exactly one list, but for the one that `popFree` has just handed out of a free list
 * (it is pending, or inactive, by then).
 */

/** LOCAL_FREE_TARGET and LOCAL_NR_SCANS; PERCPU_FREE_TARGET and PERCPU_NR_SCANS. */
const LOCAL_TARGET = 128;
const PER_CPU_TARGET = 4;

type ListKind = "active" | "inactive" | "free" | "localFree" | "localPending";

/** Takes an element out of the hash table; false when it is no longer there. */
export type Evict = (element: number) => boolean;

interface GlobalList {
  readonly active: number;
  readonly inactive: number;
  readonly free: number;
  activeCount: number;
  inactiveCount: number;
  /** Where the rotation of the inactive list goes on. */
  rotation: number;
}

/** Doubly linked lists over element numbers; heads stand behind the elements. */
class Links {
  readonly next: Int32Array;
  readonly previous: Int32Array;

  constructor(count: number) {
    this.next = Int32Array.from({ length: count }, (_, i) => i);
    this.previous = this.next.slice();
  }
  empty(head: number): boolean {
    return this.next[head] === head;
  }
  first(head: number): number {
    return this.empty(head) ? -1 : this.next[head]!;
  }
  remove(node: number): void {
    const before = this.previous[node]!;
    const after = this.next[node]!;
    this.next[before] = after;
    this.previous[after] = before;
    this.next[node] = this.previous[node] = node;
  }
  /** list_move: to the front of `head`. */
  move(node: number, head: number): void {
    this.remove(node);
    const first = this.next[head]!;
    this.next[node] = first;
    this.previous[node] = head;
    this.previous[first] = node;
    this.next[head] = node;
  }
  /** Up to `most` elements from the oldest to the newest, as the list stood at the start. */
  oldestFirst(head: number, most = Number.POSITIVE_INFINITY): number[] {
    const nodes: number[] = [];
    for (let node = this.previous[head]!; node !== head && nodes.length < most; node = this.previous[node]!)
      nodes.push(node);
    return nodes;
  }
  /** The oldest element that `test` accepts; the list does not change meanwhile. -1 when there is none. */
  findOldest(head: number, test: (node: number) => boolean): number {
    for (let node = this.previous[head]!; node !== head; node = this.previous[node]!) if (test(node)) return node;
    return -1;
  }
}

export class LruList {
  readonly #links: Links;
  readonly #kinds: ListKind[];
  readonly #referenced: Uint8Array;
  readonly #owner: Uint8Array;
  readonly #lists: GlobalList[];
  readonly #cpus: number;
  readonly #perCpu: boolean;
  readonly #target: number;
  readonly #scans: number;
  readonly #nextSteal: number[];
  readonly #evict: Evict;
  readonly #localHeads: number;

  constructor(options: { elements: number; cpus: number; perCpu: boolean; evict: Evict }) {
    const { elements, cpus, perCpu } = options;
    this.#cpus = cpus;
    this.#perCpu = perCpu;
    this.#evict = options.evict;
    this.#scans = perCpu ? PER_CPU_TARGET : LOCAL_TARGET;
    this.#target = Math.min(Math.max(Math.floor(Math.floor(elements / cpus) / 2), 1), LOCAL_TARGET);
    const lists = perCpu ? cpus : 1;
    this.#localHeads = elements + 3 * lists;
    this.#links = new Links(this.#localHeads + 2 * cpus);
    this.#kinds = new Array<ListKind>(elements).fill("free");
    this.#referenced = new Uint8Array(elements);
    this.#owner = new Uint8Array(elements);
    this.#nextSteal = new Array<number>(cpus).fill(0);
    this.#lists = Array.from({ length: lists }, (_, i) => newList(elements + 3 * i));
    this.#populate(elements);
  }

  /** A free element for an insert on `cpu`, evicting when there is none; -1 when nothing can be evicted. */
  popFree(cpu: number): number {
    return this.#perCpu ? this.#popPerCpu(cpu) : this.#popCommon(cpu);
  }

  pushFree(element: number): void {
    if (this.#kinds[element] === "localPending") {
      this.#kinds[element] = "localFree";
      this.#referenced[element] = 0;
      this.#links.move(element, this.#localFree(this.#owner[element]!));
    } else this.#moveTo(this.#listOf(element), element, "free");
  }

  reference(element: number): void {
    this.#referenced[element] = 1;
  }

  #populate(elements: number): void {
    const share = Math.floor(elements / this.#cpus);
    for (let element = 0; element < elements; element++) {
      const cpu = this.#perCpu ? Math.min(Math.floor(element / share), this.#cpus - 1) : 0;
      this.#owner[element] = cpu;
      this.#links.move(element, this.#lists[cpu]!.free);
    }
  }

  #listOf(element: number): GlobalList {
    return this.#lists[this.#perCpu ? this.#owner[element]! : 0]!;
  }
  #localFree(cpu: number): number {
    return this.#localHeads + 2 * cpu;
  }
  #localPending(cpu: number): number {
    return this.#localHeads + 2 * cpu + 1;
  }

  #popPerCpu(cpu: number): number {
    const list = this.#lists[cpu]!;
    this.#rotate(list);
    if (this.#links.empty(list.free)) this.#shrink(list, PER_CPU_TARGET, list.free, "free");
    const element = this.#links.first(list.free);
    if (element >= 0) this.#moveTo(list, element, "inactive");
    return element;
  }

  #popCommon(cpu: number): number {
    let element = this.#popLocalFree(cpu);
    if (element < 0) {
      this.#refill(cpu);
      element = this.#popLocalFree(cpu);
    }
    if (element < 0) element = this.#steal(cpu);
    if (element < 0) return -1;
    this.#owner[element] = cpu;
    this.#kinds[element] = "localPending";
    this.#referenced[element] = 0;
    this.#links.move(element, this.#localPending(cpu));
    return element;
  }

  #popLocalFree(cpu: number): number {
    const element = this.#links.first(this.#localFree(cpu));
    if (element >= 0) this.#links.remove(element);
    return element;
  }

  /** bpf_lru_list_pop_free_to_local: a batch for the CPU's own free list. */
  #refill(cpu: number): void {
    const list = this.#lists[0]!;
    for (const element of this.#links.oldestFirst(this.#localPending(cpu))) {
      this.#enter(list, element, this.#referenced[element] ? "active" : "inactive");
    }
    this.#rotate(list);
    let count = 0;
    while (count < this.#target && !this.#links.empty(list.free)) {
      this.#toFree(list, this.#links.first(list.free), this.#localFree(cpu), "localFree");
      count++;
    }
    if (count < this.#target) this.#shrink(list, this.#target - count, this.#localFree(cpu), "localFree");
  }

  #steal(cpu: number): number {
    const first = this.#nextSteal[cpu]!;
    let victim = first;
    let element = -1;
    do {
      element = this.#popLocalFree(victim);
      if (element < 0) element = this.#popPending(victim);
      victim = (victim + 1) % this.#cpus;
    } while (element < 0 && victim !== first);
    this.#nextSteal[cpu] = victim;
    return element;
  }

  #popPending(cpu: number): number {
    const pending = this.#links.oldestFirst(this.#localPending(cpu));
    for (const force of [false, true]) {
      for (const element of pending) {
        if ((force || !this.#referenced[element]) && this.#evict(element)) {
          this.#links.remove(element);
          return element;
        }
      }
    }
    return -1;
  }

  #rotate(list: GlobalList): void {
    if (list.inactiveCount < list.activeCount) this.#rotateActive(list);
    this.#rotateInactive(list);
  }

  #rotateActive(list: GlobalList): void {
    for (const element of this.#links.oldestFirst(list.active, this.#scans)) {
      this.#moveTo(list, element, this.#referenced[element] ? "active" : "inactive");
    }
  }

  #rotateInactive(list: GlobalList): void {
    const { next, previous } = this.#links;
    const head = list.inactive;
    if (this.#links.empty(head)) return;
    let last = next[list.rotation]!;
    if (last === head) last = next[last]!;
    let current = list.rotation;
    let following = head;
    for (let i = 0; i < this.#scans; ) {
      if (current === head) {
        current = previous[current]!;
        continue;
      }
      following = previous[current]!;
      if (this.#referenced[current]) this.#moveTo(list, current, "active");
      if (current === last) break;
      current = following;
      i++;
    }
    list.rotation = following;
  }

  /** Evicts up to `target` elements into a free list. */
  #shrink(list: GlobalList, target: number, freeHead: number, freeKind: ListKind): void {
    let taken = 0;
    for (const element of this.#links.oldestFirst(list.inactive, this.#scans)) {
      if (this.#referenced[element]) this.#moveTo(list, element, "active");
      else if (this.#evict(element)) {
        this.#toFree(list, element, freeHead, freeKind);
        if (++taken === target) break;
      }
    }
    if (taken > 0) return;
    const head = this.#links.empty(list.inactive) ? list.active : list.inactive;
    const victim = this.#links.findOldest(head, this.#evict);
    if (victim >= 0) this.#toFree(list, victim, freeHead, freeKind);
  }

  /** __bpf_lru_node_move_in: from a local list. */
  #enter(list: GlobalList, element: number, kind: "active" | "inactive"): void {
    count(list, kind, 1);
    this.#kinds[element] = kind;
    this.#referenced[element] = 0;
    this.#links.move(element, list[kind]);
  }

  /** __bpf_lru_node_move: inside the global list. */
  #moveTo(list: GlobalList, element: number, kind: "active" | "inactive" | "free"): void {
    this.#leaveRotation(list, element);
    const old = this.#kinds[element]!;
    if (old !== kind) {
      count(list, old, -1);
      count(list, kind, 1);
      this.#kinds[element] = kind;
    }
    this.#referenced[element] = 0;
    this.#links.move(element, list[kind]);
  }

  #toFree(list: GlobalList, element: number, head: number, kind: ListKind): void {
    this.#leaveRotation(list, element);
    count(list, this.#kinds[element]!, -1);
    this.#kinds[element] = kind;
    this.#links.move(element, head);
  }

  #leaveRotation(list: GlobalList, element: number): void {
    if (list.rotation === element) list.rotation = this.#links.previous[element]!;
  }
}

function newList(head: number): GlobalList {
  return { active: head, inactive: head + 1, free: head + 2, activeCount: 0, inactiveCount: 0, rotation: head + 1 };
}

function count(list: GlobalList, kind: ListKind, by: number): void {
  if (kind === "active") list.activeCount += by;
  else if (kind === "inactive") list.inactiveCount += by;
}
