/** Loading objects of clang as they are: what depends on the running kernel is settled on the way. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { LoadedObject } from "../../src/kernel/index.ts";
import { readElf } from "../../src/object/index.ts";
import { suite } from "../support/require.ts";

suite("loading an object", ["bpf", "/sys/kernel/btf/vmlinux"], () => {
  it("answers CO-RE's questions for the running kernel", () => {
    const object = readElf(readFileSync(new URL("../objects/core.o", import.meta.url)), { name: "core" });
    using loaded = new LoadedObject(object);
    loaded.program("ask").run(new Uint8Array(60));
    const bytes = loaded.map(".bss").get(new Uint8Array(4))!;
    const { offset } = object.maps
      .find(({ name }) => name === ".bss")!
      .data!.variables.find(({ name }) => name === "facts")!;
    const fact = (index: number): bigint => new DataView(bytes.buffer).getBigUint64(offset + 8 * index, true);
    // task_struct exists and has `pid`; nothing is called no_such_struct, and it has no size.
    expect([0, 1, 5, 6, 8].map(fact)).toEqual([1n, 0n, 1n, 0n, 0n]);
    // `comm` has 16 bytes, and does not stand where the program's own short struct has it.
    expect([fact(2), fact(3) > 8n]).toEqual([16n, true]);
  });
});
