/* SPDX-License-Identifier: MIT */
/* IPv4 and IPv6 forwarding by the kernel's FIB. Not deterministic: the answer is the host's routing table. */
#include "packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} results SEC(".maps");

static __always_inline void decrement_ttl(struct iphdr *ipv4)
{
	__u32 sum = ipv4->check + bpf_htons(0x0100);
	ipv4->check = (__u16)(sum + (sum >= 0xffff));
	ipv4->ttl--;
}

static __always_inline int forward(struct xdp_md *context, struct bpf_fib_lookup *query, struct ethhdr *ethernet)
{
	__u32 result = bpf_fib_lookup(context, query, sizeof(*query), 0);
	__u32 index = result & 15;
	__u64 *count = bpf_map_lookup_elem(&results, &index);
	if (count)
		__sync_fetch_and_add(count, 1);
	switch (result) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		__builtin_memcpy(ethernet->h_dest, query->dmac, ETH_ALEN);
		__builtin_memcpy(ethernet->h_source, query->smac, ETH_ALEN);
		return bpf_redirect_map(&ports, query->ifindex, XDP_PASS);
	case BPF_FIB_LKUP_RET_BLACKHOLE:
	case BPF_FIB_LKUP_RET_UNREACHABLE:
	case BPF_FIB_LKUP_RET_PROHIBIT:
		return XDP_DROP;
	default:
		return XDP_PASS;
	}
}

SEC("xdp")
int route(struct xdp_md *context)
{
	void *end = DATA_END(context);
	struct bpf_fib_lookup query = { .ifindex = context->ingress_ifindex };
	TAKE(struct ethhdr, ethernet, DATA(context), end, pass);
	if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
		TAKE(struct iphdr, ipv4, ethernet + 1, end, pass);
		if (ipv4->ttl <= 1)
			goto pass;
		query.family = AF_INET_NUMBER;
		query.tos = ipv4->tos;
		query.l4_protocol = ipv4->protocol;
		query.tot_len = bpf_ntohs(ipv4->tot_len);
		query.ipv4_src = ipv4->saddr;
		query.ipv4_dst = ipv4->daddr;
		int verdict = forward(context, &query, ethernet);
		if (verdict == XDP_REDIRECT)
			decrement_ttl(ipv4);
		return verdict;
	}
	if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
		TAKE(struct ipv6hdr, ipv6, ethernet + 1, end, pass);
		if (ipv6->hop_limit <= 1)
			goto pass;
		query.family = AF_INET6_NUMBER;
		query.flowinfo = *(__be32 *)ipv6 & bpf_htonl(0x0fffffff);
		query.l4_protocol = ipv6->nexthdr;
		query.tot_len = bpf_ntohs(ipv6->payload_len);
		__builtin_memcpy(query.ipv6_src, &ipv6->saddr, 16);
		__builtin_memcpy(query.ipv6_dst, &ipv6->daddr, 16);
		int verdict = forward(context, &query, ethernet);
		if (verdict == XDP_REDIRECT)
			ipv6->hop_limit--;
		return verdict;
	}
pass:
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
