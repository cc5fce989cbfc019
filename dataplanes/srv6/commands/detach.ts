/** Takes the program off interfaces whose process has gone. */
import { detachXdp, inNamespace } from "xdpkit/kernel";

/** @throws XdpkitError KERNEL_* for anything but an interface that has gone or that holds nothing */
export function detachFrom(interfaces: readonly string[], netns: string | undefined): void {
  const detach = (): void => {
    for (const name of interfaces) tryDetach(name);
  };
  if (netns === undefined) detach();
  else inNamespace(netns, detach);
}

function tryDetach(name: string): void {
  try {
    detachXdp({ interface: name });
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== "KERNEL_NO_INTERFACE" && code !== "KERNEL_NOT_ATTACHED") throw error;
  }
}
