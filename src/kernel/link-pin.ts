/**
 * The pin of a link, looked at before anything is attached, so that a path that will not do changes nothing.
 *
 * A pin that is there is kept when its link is the one that gets the program, and given to the new link when its own
 * interface has gone: so a process that starts again takes over.
 */
import { rmSync } from "node:fs";
import { xdpkitError } from "../base/index.ts";
import type { KernelLink, LinkInfo } from "./links.ts";
import { openPinnedLink } from "./links.ts";
import { requirePinFolder } from "./pins.ts";

export class LinkPin {
  readonly #path: string;
  readonly #old: LinkInfo | undefined;

  /** @throws XdpkitError KERNEL_PIN, KERNEL_NOT_A_LINK */
  constructor(path: string, interfaceIndex: number, replace: boolean) {
    this.#path = path;
    requirePinFolder(path);
    this.#old = pinned(path);
    if (this.#old && (!replace || ![0, interfaceIndex].includes(this.#old.interfaceIndex)))
      throw xdpkitError("KERNEL_PIN", { action: "pin", path, errno: "EEXIST" });
  }

  /** @throws XdpkitError KERNEL_PIN */
  hold(link: KernelLink): void {
    if (this.#old?.id === link.info().id) return;
    if (this.#old) rmSync(this.#path);
    link.pin(this.#path);
  }
}

function pinned(path: string): LinkInfo | undefined {
  const link = openPinnedLink(path);
  const info = link?.info();
  link?.[Symbol.dispose]();
  return info;
}
