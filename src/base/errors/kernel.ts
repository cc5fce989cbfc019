/** Errors of the kernel layer. */
export const kernelErrors = {} as const;
