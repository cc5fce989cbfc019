/* SPDX-License-Identifier: MIT */
/* Counts packets and bytes by EtherType, behind up to two VLAN tags. Deterministic. */
#include "packet.h"

struct traffic {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u16);
	__type(value, struct traffic);
} by_type SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} totals SEC(".maps");

static __always_inline void count_total(__u32 index)
{
	__u64 *total = bpf_map_lookup_elem(&totals, &index);
	if (total)
		(*total)++;
}

SEC("xdp")
int count_ethertype(struct xdp_md *context)
{
	void *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, DATA(context), end, truncated);
	__u16 type = ethernet->h_proto;
	struct vlan_tag *tag = (void *)(ethernet + 1);
#pragma unroll
	for (int depth = 0; depth < 2; depth++) {
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > end)
			goto truncated;
		type = tag->inner_type;
		tag++;
	}
	type = bpf_ntohs(type);
	count_total(0);
	struct traffic *known = bpf_map_lookup_elem(&by_type, &type);
	if (!known) {
		struct traffic first = { .packets = 1, .bytes = end - DATA(context) };
		return bpf_map_update_elem(&by_type, &type, &first, BPF_NOEXIST) ? XDP_DROP : XDP_PASS;
	}
	__sync_fetch_and_add(&known->packets, 1);
	__sync_fetch_and_add(&known->bytes, end - DATA(context));
	return XDP_PASS;
truncated:
	count_total(1);
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
