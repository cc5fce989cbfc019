/** Errors of the isa layer. */
export const isaErrors = {} as const;
