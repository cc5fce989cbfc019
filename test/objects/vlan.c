/* SPDX-License-Identifier: MIT */
/* Pushes and pops an 802.1Q tag. Deterministic. */
#include "packet.h"

const volatile __u16 tag_number = 100;

SEC("xdp")
int push_tag(struct xdp_md *context)
{
	void *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, DATA(context), end, pass);
	struct ethhdr kept = *ethernet;
	if (bpf_xdp_adjust_head(context, -(int)sizeof(struct vlan_tag)))
		return XDP_ABORTED;
	end = DATA_END(context);
	TAKE(struct ethhdr, front, DATA(context), end, aborted);
	TAKE(struct vlan_tag, tag, front + 1, end, aborted);
	tag->inner_type = kept.h_proto;
	tag->control = bpf_htons(tag_number & 0xfff);
	kept.h_proto = bpf_htons(ETH_P_8021Q);
	*front = kept;
	return XDP_TX;
pass:
	return XDP_PASS;
aborted:
	return XDP_ABORTED;
}

SEC("xdp")
int pop_tag(struct xdp_md *context)
{
	void *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, DATA(context), end, pass);
	if (ethernet->h_proto != bpf_htons(ETH_P_8021Q))
		goto pass;
	TAKE(struct vlan_tag, tag, ethernet + 1, end, pass);
	struct ethhdr kept = *ethernet;
	kept.h_proto = tag->inner_type;
	if (bpf_xdp_adjust_head(context, sizeof(struct vlan_tag)))
		return XDP_ABORTED;
	end = DATA_END(context);
	TAKE(struct ethhdr, front, DATA(context), end, aborted);
	*front = kept;
	return XDP_PASS;
pass:
	return XDP_PASS;
aborted:
	return XDP_ABORTED;
}

char _license[] SEC("license") = "Dual MIT/GPL";
