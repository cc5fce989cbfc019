/* SPDX-License-Identifier: MIT */
/* The other half of forward.xdp.ts: next hops resolved ahead by user space. */
#pragma once
#include "forward.h"

struct adjacency {
	__u32 interfaceIndex, mtu;
	struct mac source, destination;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct adjacency);
} adjacencies SEC(".maps");

/* The frame at offset 0 leaves through the adjacency; `length` is what the MTU limits. */
static __always_inline int forward_via(__u32 id, struct ethernet *ethernet, __u32 length)
{
	struct adjacency *adjacency = bpf_map_lookup_elem(&adjacencies, &id);
	if (!adjacency)
		return counted(&forwarding, NO_ADJACENCY, XDP_DROP);
	if (length > adjacency->mtu)
		return counted(&forwarding, TOO_BIG, XDP_DROP);
	copy_mac(&ethernet->source, &adjacency->source);
	copy_mac(&ethernet->destination, &adjacency->destination);
	int verdict = bpf_redirect_map(&ports, adjacency->interfaceIndex, XDP_DROP);
	return counted(&forwarding, FORWARDED, verdict);
}
