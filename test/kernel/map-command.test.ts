/** `xdpkit map` on maps that bpftool made, and bpftool on what it has set. */
import { execFileSync, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { BpfFolder } from "../support/bpf-folder.ts";
import { suite } from "../support/require.ts";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

function xdpkit(...words: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "map", ...words], { encoding: "utf8" });
  return { status, stdout, stderr };
}

suite("xdpkit map", ["bpf", "bpftool"], () => {
  it("sets, prints, moves and deletes entries of a map that bpftool has made", () => {
    using folder = new BpfFolder();
    const map = join(folder.path, "ports");
    const bpftool = (words: string): string => execFileSync("bpftool", words.split(" "), { encoding: "utf8" });
    bpftool(`map create ${map} type hash key 4 value 8 entries 2 name ports`);
    expect(xdpkit("set", map, "7", "9")).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(JSON.parse(bpftool(`map dump pinned ${map} -j`))).toEqual([
      { key: ["0x07", "0x00", "0x00", "0x00"], value: ["0x09", ...Array<string>(7).fill("0x00")] },
    ]);
    bpftool(`map update pinned ${map} key 1 0 0 0 value 2 0 0 0 0 0 0 0`);
    expect(xdpkit("get", map, "1", "--json").stdout).toBe("2\n");
    const [listed] = JSON.parse(xdpkit("list", map, "--json").stdout);
    expect(listed).toMatchObject({ name: "ports", type: "hash", bytes_key: 4, bytes_value: 8, max_entries: 2 });
    const copy = join(folder.path, "copy");
    bpftool(`map create ${copy} type hash key 4 value 8 entries 8 name copy`);
    const exported = xdpkit("export", map, "-").stdout;
    const imported = spawnSync(process.execPath, [MAIN, "map", "import", copy, "-"], { input: exported });
    expect(String(imported.stdout)).toBe("2 entries\n");
    const sorted = (text: string) => JSON.parse(text).sort((a: { key: number }, b: { key: number }) => a.key - b.key);
    expect(sorted(xdpkit("dump", copy, "--json").stdout)).toEqual([
      { key: 1, value: 2 },
      { key: 7, value: 9 },
    ]);
    expect(xdpkit("delete", map, "7").status).toBe(0);
    expect(xdpkit("delete", map, "7").status).toBe(1);
  });

  it("says what is wrong", () => {
    using folder = new BpfFolder();
    const map = join(folder.path, "small");
    execFileSync("bpftool", `map create ${map} type hash key 4 value 4 entries 1 name small`.split(" "));
    xdpkit("set", map, "1", "1");
    const full = xdpkit("set", map, "2", "2");
    expect(full.stderr).toContain("KERNEL_MAP_FULL");
    expect(full.stdout).toBe("");
    expect(xdpkit("get", join(folder.path, "nothing"), "1")).toMatchObject({ status: 2, stdout: "" });
    expect(xdpkit("get", map, "[1,2,3]")).toMatchObject({ status: 2 });
    expect(xdpkit("get", map, "[1,2,3]").stderr).toMatch(/^xdpkit: error VALUE_FORM at \$\.key: /);
  });
});
