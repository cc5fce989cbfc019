/* SPDX-License-Identifier: MIT */
/* Kernel symbols, typed and untyped, and kernel functions. Not deterministic: they are the kernel's. */
#include "packet.h"

extern const int runqueues __ksym __weak;
extern const void init_task __ksym __weak;
extern const int no_such_symbol __ksym __weak;
extern int no_such_function(int value) __ksym __weak;

__u64 address;

SEC("xdp")
int kernel_symbols(struct xdp_md *context)
{
	address = (__u64)&init_task;
	if (&no_such_symbol)
		return XDP_ABORTED;
	if (no_such_function)
		return no_such_function(1);
	return &init_task ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
