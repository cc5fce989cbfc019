/* SPDX-License-Identifier: MIT */
/* Bounded loops: a checksum over a variable length, and a walk over TLVs. Deterministic. */
#include "packet.h"

SEC("xdp")
int sum_packet(struct xdp_md *context)
{
	void *data = DATA(context), *end = DATA_END(context);
	__u16 *word = data;
	__u64 sum = 0;
	for (int i = 0; i < 128; i++) {
		if ((void *)(word + 1) > end)
			break;
		sum += *word++;
	}
	TAKE(struct ethhdr, ethernet, data, end, drop);
	ethernet->h_proto = fold_checksum(sum);
	return XDP_TX;
drop:
	return XDP_DROP;
}

SEC("xdp")
int walk_options(struct xdp_md *context)
{
	void *data = DATA(context), *end = DATA_END(context);
	__u32 offset = sizeof(struct ethhdr), count = 0;
	for (int i = 0; i < 16; i++) {
		offset &= 0x3ff;
		__u8 *option = data + offset;
		if ((void *)(option + 2) > end)
			return count & 1 ? XDP_DROP : XDP_PASS;
		if (option[0] == 0)
			break;
		offset += 2 + (option[1] & 0x1f);
		count++;
	}
	return count > 3 ? XDP_TX : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
