/* SPDX-License-Identifier: MIT */
/* A section of zeros with a name of its own. libbpf 1.1 refuses it (it knows only .bss); newer linkers do not. Deterministic. */
#include "packet.h"

__u32 scratch[4] SEC(".bss.scratch");

SEC("xdp")
int scribble(struct xdp_md *context)
{
	__u32 length = DATA_END(context) - DATA(context);
	scratch[length & 3] += length;
	return scratch[0] ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
