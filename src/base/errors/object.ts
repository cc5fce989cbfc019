/** Errors of the object layer. */
export const objectErrors = {} as const;
