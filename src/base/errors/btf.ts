/** Errors of the btf layer. */
export const btfErrors = {} as const;
