/* SPDX-License-Identifier: MIT */
/* iproute2's own map definition: identities, map-in-map by identity, tail calls by section name. libbpf refuses it. */
#include "packet.h"

struct elf_map {
	__u32 type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx;
};

struct elf_map jumps SEC("maps") = {
	.type = BPF_MAP_TYPE_PROG_ARRAY,
	.size_key = 4,
	.size_value = 4,
	.max_elem = 4,
	.id = 7,
};

struct elf_map counters SEC("maps") = {
	.type = BPF_MAP_TYPE_ARRAY,
	.size_key = 4,
	.size_value = 8,
	.max_elem = 2,
	.id = 5,
	.inner_idx = 1,
};

struct elf_map outer SEC("maps") = {
	.type = BPF_MAP_TYPE_ARRAY_OF_MAPS,
	.size_key = 4,
	.size_value = 4,
	.max_elem = 2,
	.inner_id = 5,
};

SEC("7/1")
int odd(struct xdp_md *context)
{
	return XDP_DROP;
}

SEC("prog")
int entry(struct xdp_md *context)
{
	__u32 index = (DATA_END(context) - DATA(context)) & 1;
	void *inner = bpf_map_lookup_elem(&outer, &index);
	__u64 *value = inner ? bpf_map_lookup_elem(inner, &index) : 0;
	if (value)
		*value += 1;
	bpf_tail_call(context, &jumps, index);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
