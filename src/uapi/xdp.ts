/** `enum xdp_action` (include/uapi/linux/bpf.h). */
export const XdpAction = { Aborted: 0, Drop: 1, Pass: 2, Tx: 3, Redirect: 4 } as const;
export type XdpActionName = "XDP_ABORTED" | "XDP_DROP" | "XDP_PASS" | "XDP_TX" | "XDP_REDIRECT";

const NAMES: readonly XdpActionName[] = ["XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT"];

/** Undefined for a value above 4: the kernel warns once and treats it as XDP_ABORTED. */
export const xdpActionName = (action: number): XdpActionName | undefined => NAMES[action];
