/* SPDX-License-Identifier: MIT */
/* SRv6 End (RFC 8986 section 4.1) without the route lookup. Deterministic. */
#include "packet.h"

struct routing_header {
	__u8 next_header, length, type, segments_left, last_entry, flags;
	__be16 tag;
};

struct segment {
	__u64 high, low;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct segment);
	__type(value, __u64);
} sids SEC(".maps");

enum reason { TRUNCATED, NOT_LOCAL, BAD_HEADER, FINISHED, FORWARDED, REASONS };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, REASONS);
	__type(key, enum reason);
	__type(value, __u64);
} reasons SEC(".maps");

static __always_inline int finish(enum reason reason, int verdict)
{
	__u64 *count = bpf_map_lookup_elem(&reasons, &reason);
	if (count)
		__sync_fetch_and_add(count, 1);
	return verdict;
}

SEC("xdp")
int end_behaviour(struct xdp_md *context)
{
	void *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, DATA(context), end, truncated);
	TAKE(struct ipv6hdr, ipv6, ethernet + 1, end, truncated);
	if (ethernet->h_proto != bpf_htons(ETH_P_IPV6) || ipv6->nexthdr != IPPROTO_ROUTING)
		return XDP_PASS;
	struct segment destination;
	__builtin_memcpy(&destination, &ipv6->daddr, sizeof(destination));
	__u64 *packets = bpf_map_lookup_elem(&sids, &destination);
	if (!packets)
		return finish(NOT_LOCAL, XDP_PASS);
	__sync_fetch_and_add(packets, 1);
	TAKE(struct routing_header, routing, ipv6 + 1, end, truncated);
	__u8 left = routing->segments_left, last = routing->last_entry;
	if (left == 0 || ipv6->hop_limit <= 1)
		return finish(FINISHED, XDP_PASS);
	if (routing->type != 4 || last > (routing->length >> 1) - 1 || left > last + 1)
		return finish(BAD_HEADER, XDP_DROP);
	left--;
	TAKE(struct segment, next, (void *)(routing + 1) + (__u32)left * sizeof(struct segment), end, truncated);
	__builtin_memcpy(&ipv6->daddr, next, sizeof(*next));
	routing->segments_left = left;
	ipv6->hop_limit--;
	return finish(FORWARDED, XDP_TX);
truncated:
	return finish(TRUNCATED, XDP_DROP);
}

char _license[] SEC("license") = "Dual MIT/GPL";
