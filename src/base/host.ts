/**
 * Globals that Node and browsers share but that no TypeScript library declares for both.
 *
 * Declared here as plain interfaces, so that users' programs need neither the DOM library nor @types/node.
 */

/** `WebAssembly.Memory`: pages of 65,536 bytes. Growing replaces `buffer`; views of the old one become empty. */
export interface LinearMemory {
  readonly buffer: ArrayBuffer;
  /** Returns the former number of pages; throws RangeError when there is no more memory. */
  grow(pages: number): number;
}

interface Host {
  readonly WebAssembly: {
    readonly Memory: new (limits: { readonly initial: number; readonly maximum: number }) => LinearMemory;
  };
}

const host = globalThis as unknown as Host;

/** Both limits in pages of 65,536 bytes. */
export function createLinearMemory(initial: number, maximum: number): LinearMemory {
  return new host.WebAssembly.Memory({ initial, maximum });
}
