/* SPDX-License-Identifier: MIT */
/* Access by offset, which works on multi-buffer packets too. Deterministic. */
#include "packet.h"

__u64 longest;

SEC("xdp.frags")
int invert(struct xdp_md *context)
{
	__u8 block[16];
	__u64 length = bpf_xdp_get_buff_len(context);
	if (length > longest)
		longest = length;
	if (length < sizeof(block) + 14)
		return XDP_DROP;
	if (bpf_xdp_load_bytes(context, 14, block, sizeof(block)))
		return XDP_ABORTED;
#pragma unroll
	for (int i = 0; i < 16; i++)
		block[i] = ~block[15 - i];
	if (bpf_xdp_store_bytes(context, 14, block, sizeof(block)))
		return XDP_ABORTED;
	return XDP_TX;
}

SEC("xdp")
int describe_meta(struct xdp_md *context)
{
	if (bpf_xdp_adjust_meta(context, -4))
		return XDP_ABORTED;
	__u32 *meta = (void *)(long)context->data_meta;
	if ((void *)(meta + 1) > DATA(context))
		return XDP_ABORTED;
	*meta = 0x58445021;
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
