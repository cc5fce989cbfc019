/* SPDX-License-Identifier: MIT */
/* The twin of deny-list.xdp.ts. */
#include "../include/xdp.h"

struct Rule {
	__u32 number;
	bool allow;
};

struct Hits {
	__u64 packets, bytes;
};

struct key4 {
	__u32 prefix_length;
	__be32 address;
};

struct key6 {
	__u32 prefix_length;
	__u32 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 100000);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct key4);
	__type(value, struct Rule);
} rules4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 100000);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct key6);
	__type(value, struct Rule);
} rules6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct Hits);
} hits SEC(".maps");

enum { TRUNCATED, NO_RULE, ALLOWED, DENIED, COUNT };
OUTCOMES(outcomes, COUNT);

SEC("xdp")
int deny(struct xdp_md *context)
{
	struct cursor cursor = cursor_of(context);
	struct ethernet *ethernet;
	__be16 type;
	if (!take_link(&cursor, &ethernet, &type))
		return counted(&outcomes, TRUNCATED, XDP_DROP);
	struct Rule *rule;
	if (type == bpf_htons(ETHERTYPE_IPV4)) {
		struct ipv4 *ip = TAKE(struct ipv4, &cursor);
		if (!ip)
			return counted(&outcomes, TRUNCATED, XDP_DROP);
		struct key4 key = { 32, ip->source };
		rule = bpf_map_lookup_elem(&rules4, &key);
	} else if (type == bpf_htons(ETHERTYPE_IPV6)) {
		struct ipv6 *ip = TAKE(struct ipv6, &cursor);
		if (!ip)
			return counted(&outcomes, TRUNCATED, XDP_DROP);
		struct key6 key = { .prefix_length = 128 };
		const __u32 *word = (const void *)&ip->source;
#pragma unroll
		for (int i = 0; i < 4; i++)
			key.address[i] = word[i];
		rule = bpf_map_lookup_elem(&rules6, &key);
	} else {
		return XDP_PASS;
	}
	if (!rule)
		return counted(&outcomes, NO_RULE, XDP_PASS);
	struct Hits *hit = bpf_map_lookup_elem(&hits, &rule->number);
	if (hit) {
		hit->packets += 1;
		hit->bytes += cursor.end - cursor.data;
	}
	if (rule->allow)
		return counted(&outcomes, ALLOWED, XDP_PASS);
	return counted(&outcomes, DENIED, XDP_DROP);
}
