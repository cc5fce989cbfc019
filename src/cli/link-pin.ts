/**
 * `--pin PATH` of a link: looked at before anything is attached, so that a path that will not do changes nothing.
 *
 * A pin that is there is kept when its link is the one that gets the program, and given to the new link when its own
 * interface has gone: so a command that is run again takes over.
 */
import { existsSync, rmSync, statfsSync } from "node:fs";
import { dirname } from "node:path";
import { xdpkitError } from "../base/index.ts";
import { type LinkAttachment, type LinkInfo, type NetworkInterface, openPinnedLink } from "../kernel/index.ts";

/** BPF_FS_MAGIC of include/uapi/linux/magic.h. */
export const BPF_FILE_SYSTEM = 0xcafe4a11;

export class LinkPin {
  readonly #path: string;
  readonly #old: LinkInfo | undefined;

  /** @throws XdpkitError KERNEL_PIN, KERNEL_NOT_A_LINK */
  constructor(path: string, target: NetworkInterface, replace: boolean) {
    this.#path = path;
    if (!existsSync(dirname(path))) throw this.#error("ENOENT");
    if (statfsSync(dirname(path)).type !== BPF_FILE_SYSTEM) throw this.#error("EPERM");
    this.#old = this.#pinned();
    if (this.#old && (!replace || ![0, target.index].includes(this.#old.interfaceIndex))) throw this.#error("EEXIST");
  }

  /** @throws XdpkitError KERNEL_PIN */
  hold(link: LinkAttachment): void {
    if (this.#old?.id === link.info().id) return;
    if (this.#old) rmSync(this.#path);
    link.pin(this.#path);
  }

  #pinned(): LinkInfo | undefined {
    const link = openPinnedLink(this.#path);
    const info = link?.info();
    link?.[Symbol.dispose]();
    return info;
  }

  #error(errno: string) {
    return xdpkitError("KERNEL_PIN", { action: "pin", path: this.#path, errno });
  }
}
