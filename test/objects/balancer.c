/* SPDX-License-Identifier: MIT */
/* Picks a backend by a hash of the flow, rewrites the destination MAC, and redirects. Deterministic. */
#include "packet.h"

struct backend {
	__u8 mac[ETH_ALEN];
	__u16 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct backend);
} backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} ports SEC(".maps");

const volatile __u32 seed = 0x9e3779b9;
__u32 backend_count = 4;

static __always_inline __u32 rotate(__u32 value, int bits)
{
	return (value << bits) | (value >> (32 - bits));
}

static __always_inline __u32 mix(__u32 a, __u32 b, __u32 c)
{
	c ^= b, c -= rotate(b, 14);
	a ^= c, a -= rotate(c, 11);
	b ^= a, b -= rotate(a, 25);
	c ^= b, c -= rotate(b, 16);
	a ^= c, a -= rotate(c, 4);
	b ^= a, b -= rotate(a, 14);
	c ^= b, c -= rotate(b, 24);
	return c;
}

SEC("xdp")
int balance(struct xdp_md *context)
{
	void *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, DATA(context), end, pass);
	if (ethernet->h_proto != bpf_htons(ETH_P_IP))
		goto pass;
	TAKE(struct iphdr, ipv4, ethernet + 1, end, pass);
	if (ipv4->protocol != IPPROTO_UDP || ipv4->ihl != 5 || (ipv4->frag_off & bpf_htons(0x3fff)))
		goto pass;
	TAKE(struct udphdr, udp, ipv4 + 1, end, pass);
	__u32 hash = mix(ipv4->saddr + seed, ipv4->daddr + seed, *(__u32 *)udp + seed);
	__u32 count = backend_count;
	__u32 index = count ? hash % count : 0;
	struct backend *backend = bpf_map_lookup_elem(&backends, &index);
	if (!backend)
		return XDP_DROP;
	__builtin_memcpy(ethernet->h_dest, backend->mac, ETH_ALEN);
	return bpf_redirect_map(&ports, backend->port, XDP_TX);
pass:
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
