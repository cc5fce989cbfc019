/** Errors of the cli layer. */
export const cliErrors = {} as const;
