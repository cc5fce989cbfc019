/**
 * The pin of a link, looked at before anything is attached, so that a path that will not do changes nothing.
 *
 * A pin that is there is kept when its link is the one that gets the program, and given to the new link when its own
 * interface has gone: so a process that starts again takes over.
 */
import { rmSync } from "node:fs";
import { xdpkitError } from "../base/index.ts";
import { listAttachments } from "./attachments.ts";
import type { NetworkInterface } from "./interfaces.ts";
import type { KernelLink, LinkInfo } from "./links.ts";
import { openPinnedLink } from "./links.ts";
import { requirePinFolder } from "./pins.ts";

export class LinkPin {
  readonly #path: string;
  readonly #old: LinkInfo | undefined;
  #isNew = false;

  /** @throws XdpkitError KERNEL_PIN, KERNEL_NOT_A_LINK */
  constructor(path: string, target: NetworkInterface, replace: boolean) {
    this.#path = path;
    requirePinFolder(path);
    this.#old = pinned(path);
    if (!this.#old) return;
    const isElsewhere = this.#old.interfaceIndex !== 0 && !isHeldBy(target, this.#old);
    if (replace && !isElsewhere) return;
    const hint = replace && `link ${this.#old.id}, which is pinned there, holds another interface: take another name`;
    throw xdpkitError("KERNEL_PIN", { action: "pin", path, errno: "EEXIST" }, hint ? { hint } : {});
  }

  /** What is pinned there now. */
  get links(): readonly LinkInfo[] {
    return this.#old ? [this.#old] : [];
  }

  /** The link of this id, if it is the one that is pinned there: that needs no right but to the pin. */
  open(id: number): KernelLink | undefined {
    return this.#old?.id === id ? openPinnedLink(this.#path) : undefined;
  }

  /** @throws XdpkitError KERNEL_PIN */
  hold(link: KernelLink): void {
    if (this.#old?.id === link.info().id) return;
    if (this.#old) rmSync(this.#path);
    link.pin(this.#path);
    this.#isNew = true;
  }

  /** Takes away the pin that `hold` has made. */
  letGo(): void {
    if (this.#isNew) rmSync(this.#path, { force: true });
    this.#isNew = false;
  }
}

/** By its index alone an interface of another namespace would do, and its program would go with the pin. */
const isHeldBy = (target: NetworkInterface, link: LinkInfo): boolean =>
  listAttachments([target], [link]).some(({ links }) => links.some(({ id }) => id === link.id));

function pinned(path: string): LinkInfo | undefined {
  const link = openPinnedLink(path);
  const info = link?.info();
  link?.[Symbol.dispose]();
  return info;
}
