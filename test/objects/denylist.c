/* SPDX-License-Identifier: MIT */
/* Drops sources that a prefix of the deny list covers, and counts hits in the entry. Deterministic. */
#include "packet.h"

struct prefix4 {
	__u32 length;
	__be32 address;
};

struct prefix6 {
	__u32 length;
	__u8 address[16];
};

struct rule {
	__u64 hits;
	__u32 action;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix4);
	__type(value, struct rule);
} deny4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix6);
	__type(value, struct rule);
} deny6 SEC(".maps");

static __always_inline int judge(struct rule *rule)
{
	if (!rule)
		return XDP_PASS;
	__sync_fetch_and_add(&rule->hits, 1);
	return rule->action == XDP_TX ? XDP_TX : XDP_DROP;
}

SEC("xdp")
int deny(struct xdp_md *context)
{
	void *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, DATA(context), end, drop);
	if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
		TAKE(struct iphdr, ipv4, ethernet + 1, end, drop);
		struct prefix4 key = { .length = 32, .address = ipv4->saddr };
		return judge(bpf_map_lookup_elem(&deny4, &key));
	}
	if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) {
		TAKE(struct ipv6hdr, ipv6, ethernet + 1, end, drop);
		struct prefix6 key = { .length = 128 };
		__builtin_memcpy(key.address, &ipv6->saddr, 16);
		return judge(bpf_map_lookup_elem(&deny6, &key));
	}
	return XDP_PASS;
drop:
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
