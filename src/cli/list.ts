/** `xdpkit list [IFACE]`: what is attached where, by whom: bpftool net and bpftool link in one. */
import type { Command } from "commander";
import type { Attachment, LinkHolders, LinkInfo } from "../kernel/index.ts";
import { addNamespaceOption } from "./netns-option.ts";
import { printTable } from "./table.ts";

export function addListCommand(program: Command): void {
  const command = program
    .command("list")
    .summary("show what is attached where")
    .description("Shows the XDP programs of the interfaces, what holds them there, and links whose interface has gone.")
    .argument("[interface]", "only this interface")
    .option("--json", "print them as JSON");
  addNamespaceOption(command).action(list);
}

async function list(target: string | undefined, { json }: { readonly json?: boolean }): Promise<void> {
  const { findInterface, findLinkHolders, listAttachments, listInterfaces, listLinks, mayOpenByIds } = await import(
    "../kernel/index.ts"
  );
  const attached = listAttachments(target === undefined ? listInterfaces() : [findInterface(target)]);
  // Without CAP_SYS_ADMIN links that hold nothing are not told.
  const idle =
    target === undefined && mayOpenByIds() ? listLinks().filter(({ interfaceIndex }) => interfaceIndex === 0) : [];
  const isHeld = idle.length > 0 || attached.some(({ via }) => via === "link");
  const holders = isHeld ? findLinkHolders() : new Map<number, LinkHolders>();
  const result = {
    attached: attached.map((one) => attachedToJson(one, holders)),
    idleLinks: idle.map((one) => linkToJson(one, holders)),
  };
  process.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : print(result));
}

const NOBODY: LinkHolders = { pins: [], processes: [] };

const linkToJson = ({ id, programId }: LinkInfo, holders: ReadonlyMap<number, LinkHolders>) => ({
  id,
  programId,
  ...(holders.get(id) ?? NOBODY),
});

function attachedToJson(one: Attachment, holders: ReadonlyMap<number, LinkHolders>) {
  const { interface: target, mode, via, programId, program, links } = one;
  return {
    interface: target.name,
    index: target.index,
    mode,
    program: {
      id: programId,
      name: program?.name ?? "",
      tag: program?.tag ?? "",
      loadedAt: program?.loadedAt.toISOString() ?? "",
      uid: program?.uid ?? 0,
      mapIds: program?.mapIds ?? [],
      jitedBytes: program?.jitedBytes ?? 0,
    },
    via,
    links: links.map((link) => linkToJson(link, holders)),
  };
}

type AttachedRow = ReturnType<typeof attachedToJson>;
type LinkRow = ReturnType<typeof linkToJson>;

function print({ attached, idleLinks }: { readonly attached: AttachedRow[]; readonly idleLinks: LinkRow[] }): string {
  if (attached.length === 0 && idleLinks.length === 0) return "no XDP program is attached in this network namespace\n";
  const head = ["interface", "mode", "program", "name", "tag", "loaded", "held by"];
  const table = attached.length === 0 ? "" : printTable([head, ...attached.map(cellsOf)]);
  const idle = idleLinks.map(
    (link) => `${printLink(link)} holds program ${link.programId}, and its interface has gone\n`,
  );
  return table + idle.join("");
}

function cellsOf({ interface: name, index, mode, program, via, links }: AttachedRow): string[] {
  const loaded = `${program.loadedAt.slice(0, 19).replace("T", " ")} by uid ${program.uid}`;
  const holder = via === "netlink" ? "netlink" : links.map(printLink).join(" or ") || "a link";
  return [`${name} (${index})`, mode, String(program.id), program.name, program.tag, loaded, holder];
}

/** `link 3 (/sys/fs/bpf/edge, pid 812 node)`. */
function printLink({ id, pins, processes }: LinkRow): string {
  const holders = [...pins, ...processes.map(({ pid, command }) => `pid ${pid} ${command}`)];
  return `link ${id}${holders.length === 0 ? "" : ` (${holders.join(", ")})`}`;
}
