/** Makes what tests make in the system, says so, and waits until it is ended: for test/e2e/cleanup.test.ts. */
import { spawn } from "node:child_process";
import { BpfFolder } from "./bpf-folder.ts";
import { atEnd } from "./cleanup.ts";
import { Namespace } from "./namespace.ts";

const { name } = new Namespace("hold");
const { path } = new BpfFolder();
const child = spawn("sleep", ["600"], { stdio: "ignore" });
atEnd(() => child.kill("SIGKILL"));
process.send?.({ namespace: name, mount: path, process: child.pid });
setInterval(() => {}, 60_000);
