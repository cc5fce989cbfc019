/** What the commands print. */
import type { SessionReport, Stats, Status, Traffic } from "./report.ts";

/** Columns as wide as they must be; numbers to the right. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]!.length))) ?? [];
  const isNumber = (text: string): boolean => /^[\d.]+( \w+)?$/.test(text);
  const print = (row: readonly string[]): string =>
    row
      .map((cell, i) =>
        rows.length > 1 && isNumber(rows[1]![i]!) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!),
      )
      .join("  ")
      .trimEnd();
  return rows.map((row) => `${print(row)}\n`).join("");
}

const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

export function printStatus(status: Status): string {
  const { file, pid, interfaces, sids, policies, sessions, unresolved, missing, mistake } = status;
  const counts = [
    plural(sids, "SID", "SIDs"),
    plural(policies, "policy", "policies"),
    plural(sessions, "session", "sessions"),
  ].join(", ");
  const open = unresolved.map((one) => `\n  not resolved: ${one}`).join("");
  const gone = Object.entries(missing)
    .map(([name, why]) => `\n  not attached to ${name}: ${why}`)
    .join("");
  const refused = mistake ? `\n  reload refused at ${mistake.time}: ${mistake.text.replaceAll("\n", "\n    ")}` : "";
  return `up: ${file} on ${interfaces.join(", ")} (process ${pid}): ${counts}${gone}${open}${refused}`;
}

const numbers = ({ packets, bytes }: Traffic): string[] => [packets, bytes];

/** The parts that are given. */
export function printStats(stats: Partial<Stats>): string {
  const parts: string[] = [];
  const section = (header: readonly string[], rows: readonly (readonly string[])[]): void => {
    if (rows.length > 0) parts.push(columns([header, ...rows]));
  };
  section(
    ["interface", "received", "bytes", "sent", "bytes"],
    Object.entries(stats.interfaces ?? {}).map(([name, { received, sent }]) => [
      name,
      ...numbers(received),
      ...numbers(sent),
    ]),
  );
  section(
    ["SID", "behaviour", "packets", "bytes"],
    Object.entries(stats.sids ?? {}).map(([sid, one]) => [sid, one.behaviour, ...numbers(one)]),
  );
  section(
    ["policy", "headend", "packets", "bytes"],
    Object.entries(stats.policies ?? {}).map(([name, one]) => [name, one.headend, ...numbers(one)]),
  );
  section(["outcome", "packets"], Object.entries(stats.outcomes ?? {}));
  section(["answer", "packets"], Object.entries(stats.answers ?? {}));
  return parts.join("\n");
}

export const printSessions = (sessions: readonly SessionReport[]): string =>
  columns([
    ["address", "TEID", "policy", "packets", "bytes"],
    ...sessions.map((one) => [one.address, `0x${one.teid.toString(16).padStart(8, "0")}`, one.policy, ...numbers(one)]),
  ]);

const UNITS = ["", " k", " M", " G", " T"] as const;
function printRate(perSecond: number): string {
  let unit = 0;
  let value = perSecond;
  while (value >= 10_000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(unit === 0 ? 0 : 1)}${UNITS[unit]}`;
}

/** Packets and bits a second between two reports. */
export function printTop(before: Stats, now: Stats, seconds: number): string {
  const rate = (a: string | undefined, b: string): number => Number(BigInt(b) - BigInt(a ?? "0")) / seconds;
  const pair = (a: Traffic | undefined, b: Traffic): string[] => [
    printRate(rate(a?.packets, b.packets)),
    printRate(8 * rate(a?.bytes, b.bytes)),
  ];
  const busy = <T>(all: Readonly<Record<string, T>>, order: (name: string, one: T) => number): [string, T][] =>
    Object.entries(all)
      .sort(([a, x], [b, y]) => order(b, y) - order(a, x))
      .slice(0, 15);
  const parts = [
    columns([
      ["interface", "received/s", "bit/s", "sent/s", "bit/s"],
      ...Object.entries(now.interfaces).map(([name, { received, sent }]) => [
        name,
        ...pair(before.interfaces[name]?.received, received),
        ...pair(before.interfaces[name]?.sent, sent),
      ]),
    ]),
    columns([
      ["SID", "behaviour", "packets/s", "bit/s"],
      ...busy(now.sids, (sid, one) => rate(before.sids[sid]?.packets, one.packets)).map(([sid, one]) => [
        sid,
        one.behaviour,
        ...pair(before.sids[sid], one),
      ]),
    ]),
    columns([
      ["policy", "headend", "packets/s", "bit/s"],
      ...busy(now.policies, (name, one) => rate(before.policies[name]?.packets, one.packets)).map(([name, one]) => [
        name,
        one.headend,
        ...pair(before.policies[name], one),
      ]),
    ]),
    columns([
      ["outcome", "packets/s"],
      ...Object.entries(now.outcomes).map(([name, count]) => [name, printRate(rate(before.outcomes[name], count))]),
    ]),
  ];
  return parts.filter((part) => part.includes("\n", part.indexOf("\n") + 1)).join("\n");
}
