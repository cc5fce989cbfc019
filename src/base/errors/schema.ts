/** Errors of the schema layer. */
export const schemaErrors = {} as const;
