/* SPDX-License-Identifier: MIT */
/* Functions as values: bpf_loop and bpf_for_each_map_elem. Deterministic. */
#include "packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} cells SEC(".maps");

struct sum {
	__u64 total;
	__u32 limit;
};

static long add_step(__u32 index, void *context)
{
	struct sum *sum = context;
	sum->total += index * 3 + 1;
	return index == sum->limit;
}

static long add_cell(void *map, __u32 *key, __u64 *value, void *context)
{
	struct sum *sum = context;
	sum->total += *value + *key;
	*value += 1;
	return *key == 9;
}

SEC("xdp")
int loop_over(struct xdp_md *context)
{
	struct sum sum = { .limit = (DATA_END(context) - DATA(context)) & 63 };
	__u32 index = 3;
	bpf_loop(40, add_step, &sum, 0);
	bpf_for_each_map_elem(&cells, add_cell, &sum, 0);
	bpf_map_update_elem(&cells, &index, &sum.total, BPF_ANY);
	return sum.total & 1 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
