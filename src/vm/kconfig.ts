/** What the machine's configuration says where the user says nothing: it has no /proc/config.gz. */
import type { KconfigValues } from "../object/index.ts";

/** KERNEL_VERSION(6, 12, 0), and what programs for XDP commonly ask. Tristates: n 0, y 1, m 2. */
export const KCONFIG: KconfigValues = {
  LINUX_KERNEL_VERSION: (6 << 16) | (12 << 8),
  LINUX_HAS_BPF_COOKIE: 1,
  LINUX_HAS_SYSCALL_WRAPPER: 1,
  CONFIG_HZ: 250,
  CONFIG_BPF: 1,
  CONFIG_BPF_SYSCALL: 1,
  CONFIG_BPF_JIT: 1,
  CONFIG_XDP_SOCKETS: 1,
  CONFIG_NR_CPUS: 8192,
};
