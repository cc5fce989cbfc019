/** Maps of every type that holds values, many entries at a time: what goes in comes out, whatever the sizes. */
import { expect, it } from "vitest";
import { printHex } from "../../src/base/index.ts";
import { EntryAccess, KernelMap, possibleCpus, tryCreateMap } from "../../src/kernel/index.ts";
import { type BpfMap, entryCodecs } from "../../src/object/index.ts";
import { errno, errnoName, MapFlag, MapType, type MapTypeName } from "../../src/uapi/index.ts";
import { refusal } from "../answers.ts";
import { extent } from "../support/extent.ts";
import { suite } from "../support/require.ts";

const TYPES = [
  "HASH",
  "LRU_HASH",
  "PERCPU_HASH",
  "LRU_PERCPU_HASH",
  "ARRAY",
  "PERCPU_ARRAY",
  "LPM_TRIE",
] as const satisfies readonly MapTypeName[];
const isArray = (type: MapTypeName): boolean => type === "ARRAY" || type === "PERCPU_ARRAY";

function create(type: MapTypeName, maxEntries: number, more: Partial<BpfMap> = {}): KernelMap {
  const definition: BpfMap = {
    name: "subject",
    style: "btf",
    type: MapType[type],
    keySize: type === "LPM_TRIE" ? 8 : 4,
    valueSize: 6,
    maxEntries,
    flags: type === "LPM_TRIE" ? MapFlag.NO_PREALLOC : 0,
    pinByName: false,
    ...more,
  };
  const fd = tryCreateMap(definition);
  if (fd < 0) throw new Error(`${type}: ${errnoName(fd)}`);
  return new KernelMap(fd, definition, possibleCpus());
}

const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** Entries 0 to `count` - 1: keys of a trie are whole addresses; a value holds its key, for each CPU. */
function entries(map: KernelMap, count: number): { readonly keys: Uint8Array; readonly values: Uint8Array } {
  const { keySize } = map.definition;
  const keys = new Uint8Array(count * keySize);
  const values = new Uint8Array(count * map.valueBytes);
  const [keyView, valueView] = [new DataView(keys.buffer), new DataView(values.buffer)];
  for (let at = 0; at < count; at++) {
    if (keySize === 8) keyView.setUint32(8 * at, 32, true);
    keyView.setUint32(keySize * at + keySize - 4, at, true);
    for (let cpu = 0; cpu < (map.perCpu ? possibleCpus() : 1); cpu++)
      valueView.setUint32(map.valueBytes * at + 8 * cpu, at + cpu, true);
  }
  return { keys, values };
}

/** Key numbers in order, each once, with the value that belongs to it. */
function numbersIn(
  map: KernelMap,
  batches: Iterable<{ keys: Uint8Array; values: Uint8Array; count: number }>,
): number[] {
  const { keySize } = map.definition;
  const numbers: number[] = [];
  for (const { keys, values, count } of batches) {
    const [keyView, valueView] = [new DataView(keys.buffer), new DataView(values.buffer)];
    for (let at = 0; at < count; at++) {
      const number = keyView.getUint32(keySize * at + keySize - 4, true);
      if (valueView.getUint32(map.valueBytes * at, true) !== number)
        throw new Error(`entry ${number} has another's value`);
      numbers.push(number);
    }
  }
  return numbers.sort((a, b) => a - b);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

suite("batches", ["bpf", "kernel 5.14"], () => {
  const sizes = [1, 2, 4096, 4097, extent(9_000, 100_000)];
  it.each(TYPES.flatMap((type) => sizes.map((size) => [type, size] as const)))(
    "%s: %i entries are set, read, deleted on the way and taken",
    (type, size) => {
      // An LRU hash evicts before it is full.
      using map = create(type, type.startsWith("LRU") ? 4 * size + 256 : size);
      const { keys, values } = entries(map, size);
      expect(map.trySetAll(keys, values)).toEqual({ done: size, result: 0 });
      expect(numbersIn(map, map.batches())).toEqual(upTo(size));
      expect(numbersIn(map, map.batches(4096))).toEqual(upTo(size));
      if (isArray(type)) return;
      const seen = [];
      for (const batch of map.batches(1000)) {
        seen.push(...numbersIn(map, [batch]));
        expect(map.tryDeleteAll(batch.keys.slice())).toEqual({ done: batch.count, result: 0 });
      }
      expect([seen.sort((a, b) => a - b), [...map.keys()]]).toEqual([upTo(size), []]);
      expect(map.trySetAll(keys, values).result).toBe(0);
      expect(numbersIn(map, map.takeBatches(1000))).toEqual(upTo(size));
      expect([...map.keys()]).toEqual([]);
    },
  );

  it.each(TYPES)("%s: an empty map has no batch, no entry is an entry", (type) => {
    using map = create(type, 8);
    const none = new Uint8Array(0);
    expect(map.trySetAll(none, none)).toEqual({ done: 0, result: 0 });
    expect(map.tryDeleteAll(none)).toEqual({ done: 0, result: 0 });
    expect([...map.batches()].reduce((sum, { count }) => sum + count, 0)).toBe(isArray(type) ? 8 : 0);
    expect(refusal(() => map.trySetAll(entries(map, 2).keys, new Uint8Array(1)))[0]).toBe("VALUE_SIZE");
    expect(refusal(() => map.get(new Uint8Array(3)))[0]).toBe("VALUE_SIZE");
  });

  it("a bucket that holds more than a batch makes the batch larger", () => {
    using map = create("HASH", 64);
    const { keys, values } = entries(map, 64);
    map.trySetAll(keys, values);
    expect(numbersIn(map, map.batches(1))).toEqual(upTo(64));
    expect(numbersIn(map, map.takeBatches(1))).toEqual(upTo(64));
  });

  it("a walk from key to key goes on when what it has shown is deleted", () => {
    using map = create("LPM_TRIE", 32);
    const { keys, values } = entries(map, 32);
    map.trySetAll(keys, values);
    const seen: Uint8Array[] = [];
    // The last key of a batch is where the kernel would go on.
    for (const batch of map.batches(4)) {
      seen.push(batch.keys.slice());
      map.tryDelete(batch.keys.slice(-8));
    }
    expect(seen.flatMap((some) => [...Array(some.length / 8).keys()].map((at) => some[8 * at + 4])).sort()).toEqual(
      upTo(32).sort(),
    );
  });

  it("says how far it came", () => {
    using map = create("HASH", 10);
    const { keys, values } = entries(map, 12);
    expect(map.trySetAll(keys, values)).toEqual({ done: 10, result: -errno.E2BIG });
    expect(map.trySetAll(keys.subarray(0, 8), values.subarray(0, 12), 1)).toEqual({ done: 0, result: -errno.EEXIST });
    expect(map.tryDeleteAll(keys.subarray(32))).toEqual({ done: 2, result: -errno.ENOENT });
  });

  it("types without batches are walked", () => {
    using map = create("DEVMAP_HASH", 4, { valueSize: 4 });
    const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
    for (const key of [7, 9]) expect(map.trySet(word(key), word(1))).toBe(0);
    const found = [...map.batches()].map(({ keys, count }) => [count, printHex(keys)]);
    expect(found.map(([count]) => count)).toEqual([2]);
    expect([...map.batches(1)].length).toBe(2);
    for (const { keys } of map.batches(1)) expect(map.tryDeleteAll(keys)).toEqual({ done: 1, result: 0 });
    expect([...map.keys()]).toEqual([]);
  });
});

suite("large values", ["bpf"], () => {
  it("are set from an iterable of unknown length, in bounded memory", () => {
    using map = create("ARRAY", 100, { valueSize: 1 << 20 });
    const access = new EntryAccess<number, Uint8Array>(map, entryCodecs(undefined, map.definition));
    const value = new Uint8Array(1 << 20);
    function* numbered(): Generator<readonly [number, Uint8Array]> {
      for (let key = 0; key < 100; key++) {
        value[0] = key;
        yield [key, value];
      }
    }
    access.setAll(numbered());
    expect(Array.from({ length: 100 }, (_, key) => map.get(word(key))![0])).toEqual([...Array(100).keys()]);
  });
});

suite("maps that refuse", ["bpf"], () => {
  const accessOf = (map: KernelMap) => new EntryAccess<number, number>(map, entryCodecs(undefined, map.definition));

  it("a frozen map, a map that user space may not write, one that it may not read", () => {
    using frozen = create("HASH", 2, { valueSize: 4 });
    accessOf(frozen).set(1, 2);
    frozen.freeze();
    expect(refusal(() => accessOf(frozen).set(1, 2))[0]).toBe("KERNEL_MAP_READ_ONLY");
    expect(refusal(() => accessOf(frozen).delete(1))[0]).toBe("KERNEL_MAP_READ_ONLY");
    expect(refusal(() => accessOf(frozen).setAll([[1, 2]]))).toEqual(["KERNEL_MAP_READ_ONLY", "$[0]"]);
    expect(accessOf(frozen).get(1)).toBe(2);
    using readOnly = create("HASH", 2, { valueSize: 4, flags: MapFlag.RDONLY });
    expect(refusal(() => accessOf(readOnly).set(1, 2))[0]).toBe("KERNEL_MAP_READ_ONLY");
    using writeOnly = create("HASH", 2, { valueSize: 4, flags: MapFlag.WRONLY });
    accessOf(writeOnly).set(1, 2);
    expect(refusal(() => accessOf(writeOnly).get(1))[0]).toBe("KERNEL_MAP_READ_ONLY");
  });

  it("values are taken once", () => {
    using map = create("HASH", 2, { valueSize: 4 });
    accessOf(map).set(1, 2);
    expect([accessOf(map).take(1), accessOf(map).take(1)]).toEqual([2, undefined]);
    using array = create("ARRAY", 2, { valueSize: 4 });
    expect(refusal(() => accessOf(array).take(1))[0]).toBe("KERNEL_MAP_OPERATION");
  });
});
