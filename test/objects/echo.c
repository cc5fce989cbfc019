/* SPDX-License-Identifier: MIT */
/* Answers ICMP echo requests out of the port they came from. Deterministic. */
#include "packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 128);
	__type(key, __be32);
	__type(value, __u64);
} answered SEC(".maps");

SEC("xdp")
int echo(struct xdp_md *context)
{
	void *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, DATA(context), end, pass);
	if (ethernet->h_proto != bpf_htons(ETH_P_IP))
		goto pass;
	TAKE(struct iphdr, ipv4, ethernet + 1, end, pass);
	if (ipv4->protocol != IPPROTO_ICMP || ipv4->ihl != 5)
		goto pass;
	TAKE(struct icmphdr, icmp, ipv4 + 1, end, pass);
	if (icmp->type != ICMP_ECHO || icmp->code != 0)
		goto pass;
	icmp->type = ICMP_ECHOREPLY;
	__u32 sum = icmp->checksum + bpf_htons(ICMP_ECHO << 8);
	icmp->checksum = (__u16)(sum + (sum >> 16));
	__be32 source = ipv4->saddr;
	ipv4->saddr = ipv4->daddr;
	ipv4->daddr = source;
	swap_addresses(ethernet);
	__u64 one = 1, *count = bpf_map_lookup_elem(&answered, &source);
	if (count)
		*count += 1;
	else
		bpf_map_update_elem(&answered, &source, &one, BPF_ANY);
	return XDP_TX;
pass:
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
