/* SPDX-License-Identifier: MIT */
/* Values of the kernel's configuration. Not deterministic: they are the host's. */
#include "packet.h"

extern int LINUX_KERNEL_VERSION __kconfig;
extern unsigned long CONFIG_HZ __kconfig __weak;
extern enum libbpf_tristate CONFIG_BPF_SYSCALL __kconfig __weak;
extern _Bool CONFIG_NO_SUCH_OPTION __kconfig __weak;
extern char CONFIG_DEFAULT_HOSTNAME[16] __kconfig __weak;

SEC("xdp")
int configured(struct xdp_md *context)
{
	if (LINUX_KERNEL_VERSION < 0x050400 || CONFIG_BPF_SYSCALL != TRI_YES)
		return XDP_DROP;
	if (CONFIG_NO_SUCH_OPTION || CONFIG_HZ > 10000)
		return XDP_ABORTED;
	return CONFIG_DEFAULT_HOSTNAME[0] == 'x' ? XDP_TX : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
