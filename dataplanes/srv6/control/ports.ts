/**
 * The interfaces of a data plane, each with the link that holds its program: all get a new program or none does; one that has
 * gone is told, and gets the program again when it comes back under its name.
 *
 * Invariant: a program of others is never replaced unless that was asked for.
 */
import { rmSync } from "node:fs";
import { type Loaded, openPinnedLink, tryFindInterface, type XdpLink, type XdpMode } from "xdpkit/kernel";

export interface PortOptions {
  readonly interfaces: readonly string[];
  /** Folder of the links' pins. */
  readonly pinPath: string;
  readonly mode: XdpMode | readonly XdpMode[];
  /** Takes the place of what others have attached. */
  readonly replace: boolean;
  /** Runs something in the namespace of the data plane. */
  readonly inside: <T>(body: () => T) => T;
}

const PROGRAM = "srv6";

export class Ports implements Disposable {
  readonly #options: PortOptions;
  readonly #links = new Map<string, XdpLink>();
  /** Why an interface has no program. */
  readonly #missing = new Map<string, string>();

  constructor(options: PortOptions) {
    this.#options = options;
  }

  /** Interfaces without the program, and why. */
  get missing(): ReadonlyMap<string, string> {
    return this.#missing;
  }

  /**
   * Each interface gets the new program; when one refuses, those before it get the old one back.
   *
   * @throws XdpkitError KERNEL_OCCUPIED, KERNEL_NO_INTERFACE at the first start, and what else `attachXdp` throws
   */
  switch(next: Loaded, old: Loaded | undefined): void {
    const switched: string[] = [];
    try {
      for (const name of this.#options.interfaces) {
        if (this.#isGone(name)) continue;
        const link = this.#links.get(name);
        if (link) link.update(next.program(PROGRAM));
        else this.#links.set(name, this.#attach(name, next));
        switched.push(name);
      }
    } catch (error) {
      this.takeBack(old, switched);
      throw error;
    }
  }

  /** The interfaces get the old program again; without one they get none. */
  takeBack(old: Loaded | undefined, names: Iterable<string> = [...this.#links.keys()]): void {
    for (const name of names) {
      const link = this.#links.get(name)!;
      if (old) link.update(old.program(PROGRAM));
      else this.#drop(name, link);
    }
  }

  /** Interfaces that have gone are told, and those that have come back get the program: their names. */
  follow(current: Loaded, prepare: (name: string) => void): readonly string[] {
    return this.#options.interfaces.filter((name) => {
      if (!this.#isGone(name) && !this.#missing.has(name)) return false;
      if (!this.#options.inside(() => tryFindInterface(name))) return false;
      try {
        prepare(name);
        this.#links.set(name, this.#attach(name, current));
        this.#missing.delete(name);
        return true;
      } catch (error) {
        this.#missing.set(name, `it takes no program: ${(error as { problem?: string }).problem ?? String(error)}`);
        return false;
      }
    });
  }

  /** Takes the program from all interfaces; one that has gone has none. */
  detach(): readonly string[] {
    return [...this.#links].map(([name, link]) => {
      this.#drop(name, link);
      return name;
    });
  }

  /** What is attached goes on, held by its pin. */
  [Symbol.dispose](): void {
    for (const link of this.#links.values()) link[Symbol.dispose]();
  }

  #drop(name: string, link: XdpLink): void {
    link.detach();
    link[Symbol.dispose]();
    this.#links.delete(name);
    rmSync(this.#pinOf(name), { force: true });
  }

  /** The kernel detaches a link when its interface goes. */
  #isGone(name: string): boolean {
    const link = this.#links.get(name);
    if (!link) return this.#missing.has(name);
    if (link.via !== "link" || link.info().interfaceIndex !== 0) return false;
    link[Symbol.dispose]();
    this.#links.delete(name);
    rmSync(this.#pinOf(name), { force: true });
    this.#missing.set(name, "it has gone");
    return true;
  }

  #pinOf(name: string): string {
    return `${this.#options.pinPath}/link_${name}`;
  }

  /** The link that an earlier process pinned is taken over; its pin is removed when its interface has gone. */
  #attach(name: string, loaded: Loaded): XdpLink {
    const { inside, mode, replace } = this.#options;
    const pin = this.#pinOf(name);
    const own = openPinnedLink(pin);
    const isThere = own !== undefined && own.info().interfaceIndex !== 0;
    own?.[Symbol.dispose]();
    if (own && !isThere) rmSync(pin, { force: true });
    return inside(() => loaded.attach(PROGRAM, { interface: name, mode, pin, replace: isThere || replace }));
  }
}
