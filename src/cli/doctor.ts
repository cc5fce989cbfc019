/** `xdpkit doctor [IFACE]`: checks of the machine and of an interface. Exit status 1 when a problem was found. */
import type { Command } from "commander";
import type { Finding } from "../kernel/index.ts";
import { addNamespaceOption } from "./netns-option.ts";

export function addDoctorCommand(program: Command): void {
  const command = program
    .command("doctor")
    .summary("check the machine and an interface")
    .description(
      "Checks what XDP needs of the machine, and of an interface; each finding with the command that mends it.",
    )
    .argument("[interface]", "name of the interface")
    .option("--json", "print the findings as JSON");
  addNamespaceOption(command).action(doctor);
}

interface DoctorOptions {
  readonly json?: boolean;
  readonly netns?: string;
}

async function doctor(target: string | undefined, { json, netns }: DoctorOptions): Promise<void> {
  const { examineHost, examineInterface } = await import("../kernel/index.ts");
  const examined = [...(target === undefined ? [] : examineInterface(target)), ...examineHost()];
  const findings = netns === undefined ? examined : examined.map((one) => insideNamespace(one, netns));
  process.stdout.write(json ? `${JSON.stringify(findings, null, 2)}\n` : findings.map(print).join("") + sum(findings));
  if (findings.some(({ level }) => level === "problem")) process.exitCode = 1;
}

/** Commands that work on a namespace, as they are given from outside. */
function insideNamespace(finding: Finding, netns: string): Finding {
  const isInside = finding.mend !== undefined && /^(ip|ethtool|sysctl -w net\.)/.test(finding.mend);
  const enter = netns.includes("/") ? `nsenter --net=${netns}` : `ip netns exec ${netns}`;
  return isInside ? { ...finding, mend: `${enter} ${finding.mend}` } : finding;
}

const print = ({ level, says, mend }: Finding): string =>
  `${level.padEnd(7)}  ${says}\n${mend === undefined ? "" : `         ${mend}\n`}`;

function sum(findings: readonly Finding[]): string {
  const count = (level: Finding["level"]): number => findings.filter((one) => one.level === level).length;
  const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  return `${plural(findings.length, "finding")}: ${plural(count("problem"), "problem")}, ${plural(count("warning"), "warning")}\n`;
}
