/** Every object that the tests have is loaded as `load` loads it: clang's, Debian's, and those of the examples. */
import { readdirSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { compileOrThrow, programsOf } from "../../src/compiler/index.ts";
import { type Loaded, load } from "../../src/kernel/index.ts";
import { type BpfObject, readElf } from "../../src/object/index.ts";
import { XdpAction } from "../../src/uapi/index.ts";
import { allObjects, type CorpusFile, isBigEndian, readObjectFile } from "../objects/corpus.ts";
import { programOf } from "../support/assembly.ts";
import { BpfFolder } from "../support/bpf-folder.ts";
import { LONE, loadExample, TWINS } from "../support/example-objects.ts";
import { suite } from "../support/require.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples", import.meta.url));

const clangTwins: CorpusFile[] = readdirSync(EXAMPLES, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".o"))
  .map((name) => ({ name, path: join(EXAMPLES, name) }));

/** Tracing programs, and sections with names of iproute2's, which say no type of program. */
const WITHOUT_XDP = ["xdpdump_bpf.o", "iproute2.o"];

suite("objects in the kernel", ["root", "bpf", "/sys/kernel/btf/vmlinux", "kernel 6.3"], () => {
  const loadFile = async ({ name, path }: CorpusFile, pinPath: string): Promise<Loaded> =>
    load(readElf(readFileSync(path), { name }), { pinPath });

  it.each([...allObjects, ...clangTwins].filter((file) => !isBigEndian(file)))("$name", async (file) => {
    using pins = new BpfFolder();
    using loaded = await loadFile(file, pins.path);
    const loadedPrograms = loaded.object.functions.filter(({ program }) => program?.kind.startsWith("xdp"));
    expect(loadedPrograms.length > 0).toBe(!WITHOUT_XDP.includes(file.name));
  });

  it.each(allObjects.filter(isBigEndian))("$name is of another byte order", async (file) => {
    await expect(loadFile(file, "/sys/fs/bpf")).rejects.toMatchObject({ code: "OBJECT_BIG_ENDIAN" });
  });

  it.each([...TWINS, ...LONE].map(([name]) => name))("example %s", async (name) => {
    using pins = new BpfFolder();
    const programs = programsOf(await loadExample(name));
    const { object, names } = compileOrThrow(programs);
    using loaded = await load(programs as never, { pinPath: pins.path });
    expect(loaded.object.maps.map(({ name }) => name)).toEqual(object.maps.map(({ name }) => name));
    for (const program of programs) expect(loaded.program(names.get(program)!).fd).toBeGreaterThan(0);
  });

  const run = async (object: BpfObject, program: string): Promise<number> => {
    using loaded = await load(object);
    return loaded.program(program).run(new Uint8Array(60)).action;
  };

  it("reads the kernel's configuration", async () => {
    const object = readElf(readObjectFile("kconfig.o"), { name: "kconfig.o" });
    expect(await run(object, "configured")).toBe(XdpAction.Pass);
    const [major, minor, patch] = release().split(/[.-]/).map(Number);
    const code = "r1 = LINUX_KERNEL_VERSION ll\nr0 = *(u32 *)(r1 + 0)\nexit";
    const version = programOf(code, ".extern kconfig LINUX_KERNEL_VERSION offset=0 size=4");
    expect(await run(version, "main")).toBe((major! << 16) | (minor! << 8) | patch!);
  });

  it("finds symbols: 0 for a weak one that the kernel does not have", async () => {
    const [, address] = /^([0-9a-f]+) T netif_receive_skb$/m.exec(readFileSync("/proc/kallsyms", "latin1"))!;
    const symbol = (name: string, weak: string) => programOf(`r0 = ${name} ll\nexit`, `.extern ksym ${name} ${weak}`);
    expect(await run(symbol("netif_receive_skb", ""), "main")).toBe(Number.parseInt(address!.slice(-8), 16));
    expect(await run(symbol("no_such_symbol", "weak"), "main")).toBe(0);
    await expect(run(symbol("no_such_symbol", ""), "main")).rejects.toMatchObject({
      code: "KERNEL_UNKNOWN_KERNEL_SYMBOL",
      problem: "the running kernel has no no_such_symbol",
    });
  });

  it("says which value of the configuration is missing", async () => {
    const object = readElf(readObjectFile("kconfig.o"), { name: "kconfig.o" });
    const externs = object.externs.map((one) => ({ ...one, weak: false }));
    await expect(load({ ...object, externs })).rejects.toMatchObject({
      code: "KERNEL_UNKNOWN_KERNEL_SYMBOL",
      problem: "the running kernel has no CONFIG_NO_SUCH_OPTION",
    });
  });
});
