/* SPDX-License-Identifier: MIT */
/* A queue, a stack and a bloom filter of packet lengths. Deterministic (the filter answers yes too often, seeded anew
 * each time it is made: its verdict is only checked for lengths that were put in). */
#include "packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__type(value, __u32);
} recent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 4);
	__type(value, __u32);
} depths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 64);
	__uint(map_extra, 3);
	__type(value, __u32);
} known SEC(".maps");

SEC("xdp")
int remember(struct xdp_md *context)
{
	__u32 length = DATA_END(context) - DATA(context), oldest = 0, top = 0;
	if (bpf_map_push_elem(&recent, &length, 0)) {
		bpf_map_pop_elem(&recent, &oldest);
		bpf_map_push_elem(&recent, &length, BPF_EXIST);
	}
	bpf_map_push_elem(&depths, &length, BPF_EXIST);
	bpf_map_peek_elem(&depths, &top);
	if (top != length)
		return XDP_ABORTED;
	if (length & 1)
		bpf_map_pop_elem(&depths, &top);
	return oldest > length ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int filter(struct xdp_md *context)
{
	__u32 length = DATA_END(context) - DATA(context);
	bpf_map_push_elem(&known, &length, 0);
	return bpf_map_peek_elem(&known, &length) ? XDP_ABORTED : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
