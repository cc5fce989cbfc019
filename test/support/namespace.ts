/** Network namespaces of tests: made under a name of their own, removed whatever happens. */
import { execFileSync } from "node:child_process";

const made = new Set<string>();

function remove(name: string): void {
  execFileSync("ip", ["netns", "delete", name], { stdio: "ignore" });
  made.delete(name);
}

process.on("exit", () => {
  for (const name of made) remove(name);
});

export class Namespace implements Disposable {
  readonly name: string;

  constructor(purpose: string) {
    this.name = `xdpkit-${purpose}-${process.pid}`;
    execFileSync("ip", ["netns", "add", this.name]);
    made.add(this.name);
  }

  /** `ip …` inside, words divided by spaces; returns what it prints. */
  ip(command: string): string {
    return this.run("ip", command.split(" "));
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
    this.run("sysctl", ["-q", "-w", `${name}=${value}`]);
  }

  /** `ifindex` and MAC of an interface. */
  link(name: string): { readonly index: number; readonly mac: string; readonly mtu: number } {
    const [one] = JSON.parse(this.ip(`-j link show ${name}`)) as [{ ifindex: number; address: string; mtu: number }];
    return { index: one.ifindex, mac: one.address, mtu: one.mtu };
  }

  [Symbol.dispose](): void {
    remove(this.name);
  }
}
