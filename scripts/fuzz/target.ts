/** What the fuzzer drives. A target returns, or throws what is a bug. */
export interface FuzzTarget {
  /** Inputs to mutate. */
  seeds(): Uint8Array[] | Promise<Uint8Array[]>;
  run(bytes: Uint8Array): void | Promise<void>;
}
