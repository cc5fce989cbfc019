/** Values of maps that user space sees otherwise than the map has them: in the machine and in the kernel alike. */

/** The same value with another `program`, where it has one. */
export function withProgram(value: unknown, change: (program: unknown) => unknown): unknown {
  const { program } = (typeof value === "object" && value !== null ? value : {}) as { readonly program?: unknown };
  return program === undefined ? value : { ...(value as object), program: change(program) };
}

/** Outcomes of a map of counters, one list per CPU: sums by name. */
export function countersOf(names: readonly string[], access: { get(key: number): unknown }) {
  return {
    read(): Record<string, bigint> {
      const perCpu = access.get(0) as bigint[][];
      return Object.fromEntries(names.map((name, at) => [name, perCpu.reduce((sum, counts) => sum + counts[at]!, 0n)]));
    },
  };
}
