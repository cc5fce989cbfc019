/* SPDX-License-Identifier: MIT */
/* Cuts packets behind their headers, and grows short ones. Deterministic. */
#include "packet.h"

const volatile __u32 kept_payload = 64;

SEC("xdp")
int cut(struct xdp_md *context)
{
	void *data = DATA(context), *end = DATA_END(context);
	__u32 headers = sizeof(struct ethhdr);
	TAKE(struct ethhdr, ethernet, data, end, pass);
	if (ethernet->h_proto == bpf_htons(ETH_P_IP))
		headers += sizeof(struct iphdr);
	else if (ethernet->h_proto == bpf_htons(ETH_P_IPV6))
		headers += sizeof(struct ipv6hdr);
	/* The compiler must not move the sum into the pointers' difference: pointers have no 32-bit arithmetic. */
	__u64 length = end - data;
	asm volatile("" : "+r"(length));
	int excess = (int)length - (int)(headers + kept_payload);
	if (excess <= 0)
		goto pass;
	if (bpf_xdp_adjust_tail(context, -excess))
		return XDP_ABORTED;
	return XDP_TX;
pass:
	return XDP_PASS;
}

SEC("xdp")
int grow(struct xdp_md *context)
{
	int missing = ETH_ZLEN - (int)(DATA_END(context) - DATA(context));
	if (missing <= 0)
		return XDP_PASS;
	return bpf_xdp_adjust_tail(context, missing) ? XDP_ABORTED : XDP_TX;
}

char _license[] SEC("license") = "Dual MIT/GPL";
