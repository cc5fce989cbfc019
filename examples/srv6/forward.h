/* SPDX-License-Identifier: MIT */
/* The twin of forward.xdp.ts: adjacency cache first, kernel FIB second, every refusal counted. */
#pragma once
#include "../include/xdp.h"

#define AF_INET 2
#define AF_INET6 10

enum forwarding {
	FORWARDED,
	NO_ADJACENCY,
	TOO_BIG,
	BLACKHOLE,
	UNREACHABLE,
	PROHIBITED,
	NOT_FORWARDED,
	NO_NEIGHBOUR,
	FORWARDING_DISABLED,
	FIB_OTHER,
	FORWARDING_OUTCOMES,
};

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} ports SEC(".maps");

OUTCOMES(forwarding, FORWARDING_OUTCOMES);

/* The helper's question for an IPv6 header; its MTU check is over the whole packet. */
static __always_inline long fib_lookup6(struct xdp_md *context, struct bpf_fib_lookup *fib, const struct ipv6 *ip)
{
	*fib = (struct bpf_fib_lookup){
		.family = AF_INET6,
		.tot_len = bpf_ntohs(ip->payload_length) + sizeof(*ip),
		.ifindex = context->ingress_ifindex,
	};
	copy_words(fib->ipv6_src, &ip->source, sizeof(ip->source));
	copy_words(fib->ipv6_dst, &ip->destination, sizeof(ip->destination));
	return bpf_fib_lookup(context, fib, sizeof(*fib), 0);
}

static __always_inline long fib_lookup4(struct xdp_md *context, struct bpf_fib_lookup *fib, const struct ipv4 *ip)
{
	*fib = (struct bpf_fib_lookup){
		.family = AF_INET,
		.tot_len = bpf_ntohs(ip->total_length),
		.ifindex = context->ingress_ifindex,
		.ipv4_src = ip->source,
		.ipv4_dst = ip->destination,
	};
	return bpf_fib_lookup(context, fib, sizeof(*fib), 0);
}

/* Acts on the kernel's answer. A route without neighbour goes up the stack, so that the kernel resolves it. */
static __always_inline int forward_by_answer(long answer, const struct bpf_fib_lookup *fib, struct ethernet *ethernet)
{
	switch (answer) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		break;
	case BPF_FIB_LKUP_RET_NO_NEIGH:
		return counted(&forwarding, NO_NEIGHBOUR, XDP_PASS);
	case BPF_FIB_LKUP_RET_NOT_FWDED:
		return counted(&forwarding, NOT_FORWARDED, XDP_PASS);
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		return counted(&forwarding, FORWARDING_DISABLED, XDP_PASS);
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return counted(&forwarding, TOO_BIG, XDP_PASS);
	case BPF_FIB_LKUP_RET_BLACKHOLE:
		return counted(&forwarding, BLACKHOLE, XDP_DROP);
	case BPF_FIB_LKUP_RET_UNREACHABLE:
		return counted(&forwarding, UNREACHABLE, XDP_DROP);
	case BPF_FIB_LKUP_RET_PROHIBIT:
		return counted(&forwarding, PROHIBITED, XDP_DROP);
	default:
		return counted(&forwarding, FIB_OTHER, XDP_PASS);
	}
	copy_mac(&ethernet->source, fib->smac);
	copy_mac_behind(&ethernet->destination, fib->dmac);
	int verdict = bpf_redirect_map(&ports, fib->ifindex, XDP_PASS);
	return counted(&forwarding, FORWARDED, verdict);
}

static __always_inline int forward_by_fib6(struct xdp_md *context, struct ethernet *ethernet, const struct ipv6 *ip)
{
	struct bpf_fib_lookup fib __attribute__((aligned(8)));
	long answer = fib_lookup6(context, &fib, ip);
	return forward_by_answer(answer, &fib, ethernet);
}

static __always_inline int forward_by_fib4(struct xdp_md *context, struct ethernet *ethernet, const struct ipv4 *ip)
{
	struct bpf_fib_lookup fib __attribute__((aligned(8)));
	long answer = fib_lookup4(context, &fib, ip);
	return forward_by_answer(answer, &fib, ethernet);
}
