/**
 * An upgrade as one transaction: what others see of a load (pins, slots of maps that were there already) changes together with
 * the attachment of its program, or not at all.
 */

/** What changes with the attachment of a program. */
export interface Upgrade {
  /** Attaches by `attach`; what that throws leaves everything as it was. @throws XdpkitError KERNEL_LOCKED, KERNEL_PIN */
  during<T>(attach: () => T): T;
}

/** Whatever holds a descriptor of a program: a `KernelProgram` does. */
export interface ProgramDescriptor {
  /** Open as long as its owner. */
  readonly fd: number;
  /** Where it is part of one: it ends with the first attachment. */
  readonly upgrade?: Upgrade | undefined;
}

/** Every way of attaching goes through this. */
export const upgrading = <T>({ upgrade }: ProgramDescriptor, attach: () => T): T =>
  upgrade ? upgrade.during(attach) : attach();
