/** The table of verdicts that `xdpkit run` prints. */
import type { XdpActionName } from "../uapi/index.ts";

export interface VerdictCount {
  packets: number;
  /** Of the packets as they came in. */
  bytes: number;
}

export type VerdictCounts = Record<XdpActionName | "fault", VerdictCount>;

export function emptyCounts(): VerdictCounts {
  const zero = (): VerdictCount => ({ packets: 0, bytes: 0 });
  return {
    XDP_ABORTED: zero(),
    XDP_DROP: zero(),
    XDP_PASS: zero(),
    XDP_TX: zero(),
    XDP_REDIRECT: zero(),
    fault: zero(),
  };
}

const BAR_WIDTH = 24;
const COLORS: Readonly<Record<string, string>> = {
  XDP_ABORTED: "\u001b[31m",
  XDP_DROP: "\u001b[33m",
  XDP_PASS: "\u001b[32m",
  XDP_TX: "\u001b[36m",
  XDP_REDIRECT: "\u001b[34m",
  fault: "\u001b[31m",
};
const RESET = "\u001b[0m";

const number = (value: number): string => value.toLocaleString("en-US");

/** A bar of eighth blocks. */
function bar(share: number): string {
  const eighths = Math.round(share * BAR_WIDTH * 8);
  const rest = eighths % 8;
  return "█".repeat(eighths >> 3) + (rest === 0 ? "" : String.fromCharCode(0x2590 - rest));
}

/** Rows in the order of the verdicts' numbers; verdicts that did not occur are left out. */
export function printVerdicts(counts: VerdictCounts, color: boolean): string {
  const rows = Object.entries(counts).filter(([, { packets }]) => packets > 0);
  const total = rows.reduce((sum, [, { packets }]) => sum + packets, 0);
  const lines = rows.map(([name, { packets, bytes }]) => {
    const share = packets / total;
    const percent = `${(share * 100).toFixed(1)} %`;
    const drawn = color ? `${COLORS[name]}${bar(share)}${RESET}` : bar(share);
    return `  ${name.padEnd(13)}${number(packets).padStart(11)}${percent.padStart(10)}${number(bytes).padStart(15)}  ${drawn}`;
  });
  const head = `  ${"verdict".padEnd(13)}${"packets".padStart(11)}${"share".padStart(10)}${"bytes".padStart(15)}`;
  return `${[head, ...lines].join("\n")}\n`;
}
