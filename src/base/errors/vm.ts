/** Errors of the vm layer. */
export const vmErrors = {} as const;
