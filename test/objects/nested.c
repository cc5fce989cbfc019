/* SPDX-License-Identifier: MIT */
/* Maps in maps that the object fills: an array of arrays and a hash of hashes. Deterministic. */
#include "packet.h"

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
};

struct inner even SEC(".maps");
struct inner odd SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} by_parity SEC(".maps") = { .values = { [0] = &even, [1] = &odd, [3] = &even } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 8);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_HASH);
		__uint(max_entries, 32);
		__type(key, __be16);
		__type(value, __u64);
	});
} by_queue SEC(".maps");

SEC("xdp")
int nest(struct xdp_md *context)
{
	__u32 length = DATA_END(context) - DATA(context), parity = length & 3, cell = (length >> 2) & 3;
	void *inner = bpf_map_lookup_elem(&by_parity, &parity);
	if (!inner)
		return XDP_DROP;
	__u64 *count = bpf_map_lookup_elem(inner, &cell);
	if (!count)
		return XDP_ABORTED;
	*count += 1;
	__u32 queue = context->rx_queue_index;
	return bpf_map_lookup_elem(&by_queue, &queue) ? XDP_TX : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
