/** Network namespaces of tests: made under a name of their own, removed whatever happens. */
import { execFileSync } from "node:child_process";
import { atEnd } from "./cleanup.ts";

export class Namespace implements Disposable {
  readonly name: string;
  readonly #forget: () => void;

  constructor(purpose: string) {
    this.name = `xdpkit-${purpose}-${process.pid}`;
    execFileSync("ip", ["netns", "add", this.name]);
    this.#forget = atEnd(() => this.#remove());
  }

  /** `ip …` inside, words divided by spaces; returns what it prints. */
  ip(command: string): string {
    return execFileSync("ip", ["-n", this.name, ...command.split(" ")], { encoding: "utf8" });
  }

  /** Several `ip …` in their order, a process for each run of one family; ends at the first that fails. */
  batch(commands: readonly string[]): void {
    const is6 = (command: string | undefined): boolean => command?.startsWith("-6 ") ?? false;
    for (let begin = 0, end = 0; begin < commands.length; begin = end) {
      for (end = begin + 1; end < commands.length && is6(commands[end]) === is6(commands[begin]); end++);
      const input = commands
        .slice(begin, end)
        .map((command) => `${command.replace(/^-6 /, "")}\n`)
        .join("");
      const family = is6(commands[begin]) ? ["-6"] : [];
      execFileSync("ip", [...family, "-n", this.name, "-batch", "-"], { input, stdio: ["pipe", "pipe", "inherit"] });
    }
  }

  run(command: string, parameters: readonly string[]): string {
    return execFileSync("ip", ["netns", "exec", this.name, command, ...parameters], { encoding: "utf8" });
  }

  /** Two connected interfaces, both up. */
  veth(a: string, b: string): void {
    this.ip(`link add ${a} type veth peer name ${b}`);
    this.ip(`link set ${a} up`);
    this.ip(`link set ${b} up`);
  }

  sysctl(name: string, value: string): void {
    this.sysctls({ [name]: value });
  }

  sysctls(values: Readonly<Record<string, string>>): void {
    this.run("sysctl", ["-q", "-w", ...Object.entries(values).map(([name, value]) => `${name}=${value}`)]);
  }

  /** `ifindex` and MAC of an interface. */
  link(name: string): { readonly index: number; readonly mac: string; readonly mtu: number } {
    const [one] = JSON.parse(this.ip(`-j link show ${name}`)) as [{ ifindex: number; address: string; mtu: number }];
    return { index: one.ifindex, mac: one.address, mtu: one.mtu };
  }

  #remove(): void {
    execFileSync("ip", ["netns", "delete", this.name], { stdio: "ignore" });
  }

  [Symbol.dispose](): void {
    this.#remove();
    this.#forget();
  }
}
