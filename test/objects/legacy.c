/* SPDX-License-Identifier: MIT */
/* Maps of the time before BTF. libbpf 1.x refuses them; iproute2 and libbpf 0.x load them. Deterministic. */
#include "packet.h"

struct legacy_map {
	__u32 type, key_size, value_size, max_entries, map_flags;
};

struct legacy_map packets_seen SEC("maps") = {
	.type = BPF_MAP_TYPE_ARRAY,
	.key_size = 4,
	.value_size = 8,
	.max_entries = 4,
};

struct legacy_map sources SEC("maps") = {
	.type = BPF_MAP_TYPE_HASH,
	.key_size = 6,
	.value_size = 8,
	.max_entries = 256,
	.map_flags = BPF_F_NO_PREALLOC,
};

SEC("xdp")
int count_sources(struct xdp_md *context)
{
	TAKE(struct ethhdr, ethernet, DATA(context), DATA_END(context), drop);
	__u32 zero = 0;
	__u64 one = 1, *value = bpf_map_lookup_elem(&packets_seen, &zero);
	if (value)
		*value += 1;
	__u8 source[ETH_ALEN];
	__builtin_memcpy(source, ethernet->h_source, ETH_ALEN);
	value = bpf_map_lookup_elem(&sources, source);
	if (value)
		*value += 1;
	else
		bpf_map_update_elem(&sources, source, &one, BPF_ANY);
	return XDP_PASS;
drop:
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
__u32 _version SEC("version") = 0x050400;
