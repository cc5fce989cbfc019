/** Options that may stand several times on the command line. */
export const collect = (value: string, previous: readonly string[]): readonly string[] => [...previous, value];
