/** Errors of the packet layer. */
export const packetErrors = {} as const;
