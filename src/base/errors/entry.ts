/** One row of the error catalogue: how a code's parameters become a message and a hint. */
export interface ErrorEntry<P> {
  /** What is wrong, in one line, without place and code. */
  readonly message: (parameters: P) => string;
  /** What to do about it, in one line. */
  readonly hint?: (parameters: P) => string;
}

/** Declares a row with typed parameters: `PCAP_TRUNCATED: entry((p: { need: number }) => …, () => …)`. */
export function entry<P>(message: (parameters: P) => string, hint?: (parameters: P) => string): ErrorEntry<P> {
  return hint ? { message, hint } : { message };
}
