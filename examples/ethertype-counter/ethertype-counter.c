/* SPDX-License-Identifier: MIT */
/* The twin of ethertype-counter.xdp.ts. */
#include "../include/xdp.h"

struct Traffic {
	__u64 packets, bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 256);
	__type(key, __be16);
	__type(value, struct Traffic);
} traffic SEC(".maps");

enum { TRUNCATED, TABLE_FULL, COUNT };
OUTCOMES(outcomes, COUNT);

SEC("xdp")
int count(struct xdp_md *context)
{
	struct cursor cursor = cursor_of(context);
	struct ethernet *ethernet;
	__be16 type;
	if (!take_link(&cursor, &ethernet, &type))
		return counted(&outcomes, TRUNCATED, XDP_PASS);
	struct Traffic *seen = bpf_map_lookup_elem(&traffic, &type);
	if (!seen) {
		struct Traffic none = {};
		bpf_map_update_elem(&traffic, &type, &none, BPF_NOEXIST);
		seen = bpf_map_lookup_elem(&traffic, &type);
		if (!seen)
			return counted(&outcomes, TABLE_FULL, XDP_PASS);
	}
	seen->packets += 1;
	seen->bytes += cursor.end - cursor.data;
	return XDP_PASS;
}
