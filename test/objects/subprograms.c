/* SPDX-License-Identifier: MIT */
/* Calls: static, global and weak subprograms, chains of them, and one that nobody calls. Deterministic. */
#include "packet.h"

static __attribute__((noinline)) __u32 twice(__u32 value)
{
	return value * 2 + 1;
}

static __attribute__((noinline)) __u32 chain(__u32 value)
{
	return twice(value) ^ twice(value + 3);
}

__attribute__((noinline)) int classify(__u32 length)
{
	return length > 100 ? (int)(chain(length) & 1) : 2;
}

__attribute__((noinline, weak)) int adjust(int verdict)
{
	return verdict == 2 ? XDP_PASS : verdict ? XDP_DROP : XDP_TX;
}

__attribute__((noinline)) int never_called(__u32 value)
{
	return (int)chain(value) - 7;
}

SEC("xdp")
int first(struct xdp_md *context)
{
	return adjust(classify(DATA_END(context) - DATA(context)));
}

SEC("xdp")
int second(struct xdp_md *context)
{
	__u32 length = DATA_END(context) - DATA(context);
	return twice(length) & 4 ? XDP_DROP : adjust(2);
}

SEC("xdp.frags")
int third(struct xdp_md *context)
{
	return adjust((int)chain(context->rx_queue_index) & 1);
}

char _license[] SEC("license") = "Dual MIT/GPL";
