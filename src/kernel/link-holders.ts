/**
 * Who holds a link: pins in bpf file systems, processes with a descriptor. The kernel keeps no list of either, so mounts and
 * /proc are walked; what may not be read is left out.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { linkInfo } from "./links.ts";
import { descriptorKind } from "./object-info.ts";
import { tryOpenPin } from "./pins.ts";
import { closeFd } from "./syscall.ts";

/** What keeps a link, and so its program, where it is. */
export interface LinkHolders {
  /** Paths of pins. */
  readonly pins: readonly string[];
  /** Processes that hold a descriptor of it; those of others only for root. */
  readonly processes: readonly { readonly pid: number; readonly command: string }[];
}

/** Holders by the id of the link. */
export function findLinkHolders(): ReadonlyMap<number, LinkHolders> {
  const found = new Map<number, { pins: string[]; processes: { pid: number; command: string }[] }>();
  const holders = (id: number) => {
    const known = found.get(id) ?? { pins: [], processes: [] };
    found.set(id, known);
    return known;
  };
  for (const path of bpfMounts().flatMap(filesBelow)) {
    const id = pinnedLinkId(path);
    if (id !== undefined) holders(id).pins.push(path);
  }
  for (const pid of processIds()) {
    for (const id of linksOf(pid)) holders(id).processes.push({ pid, command: commandOf(pid) });
  }
  return found;
}

/** Mount points of bpf file systems, as this process sees them. Special characters stand as octal escapes (proc(5)). */
export function bpfMounts(): string[] {
  const rows = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" "));
  const mounts = rows.filter(([, , type]) => type === "bpf").map(([, path = ""]) => path);
  return mounts.map((path) => path.replace(/\\(\d{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8))));
}

/** Nothing where reading fails: the folder has gone, or belongs to someone else. */
function attempt<T>(body: () => T[]): T[] {
  try {
    return body();
  } catch {
    return [];
  }
}

function filesBelow(folder: string): string[] {
  return attempt(() => readdirSync(folder, { withFileTypes: true })).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

function pinnedLinkId(path: string): number | undefined {
  const fd = tryOpenPin(path);
  if (fd < 0) return undefined;
  try {
    return descriptorKind(fd) === "link" ? linkInfo(fd)?.id : undefined;
  } finally {
    closeFd(fd);
  }
}

const processIds = (): number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

/** Ids of links that a process has open: `link_id` in fdinfo. */
function linksOf(pid: number): number[] {
  const fds = attempt(() => readdirSync(`/proc/${pid}/fd`));
  const ids = fds.flatMap((fd) =>
    attempt(() => {
      if (!readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith("anon_inode:bpf")) return [];
      const [, id] = /^link_id:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8")) ?? [];
      return id === undefined ? [] : [Number(id)];
    }),
  );
  return [...new Set(ids)];
}

const commandOf = (pid: number): string => attempt(() => [readFileSync(`/proc/${pid}/comm`, "utf8").trim()])[0] ?? "";
