/* SPDX-License-Identifier: MIT */
/* Checksums by bpf_csum_diff: of the whole IPv4 header, and of one rewritten address. Deterministic. */
#include "packet.h"

const volatile __be32 new_source = 0x01020a0a;

SEC("xdp")
int renew_checksum(struct xdp_md *context)
{
	void *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, DATA(context), end, pass);
	TAKE(struct iphdr, ipv4, ethernet + 1, end, pass);
	if (ethernet->h_proto != bpf_htons(ETH_P_IP))
		goto pass;
	ipv4->check = 0;
	__s64 sum = bpf_csum_diff(0, 0, (__be32 *)ipv4, sizeof(*ipv4), 0);
	ipv4->check = fold_checksum((__u32)sum);
	return XDP_TX;
pass:
	return XDP_PASS;
}

SEC("xdp")
int rewrite_source(struct xdp_md *context)
{
	void *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, DATA(context), end, pass);
	TAKE(struct iphdr, ipv4, ethernet + 1, end, pass);
	if (ethernet->h_proto != bpf_htons(ETH_P_IP))
		goto pass;
	__be32 before = ipv4->saddr, after = new_source;
	__s64 sum = bpf_csum_diff(&before, 4, &after, 4, (__u16)~ipv4->check);
	ipv4->check = fold_checksum((__u32)sum);
	ipv4->saddr = after;
	return XDP_TX;
pass:
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
