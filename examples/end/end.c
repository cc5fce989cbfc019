/* SPDX-License-Identifier: MIT */
/* The twin of end.xdp.ts: SRv6 End, RFC 8986 section 4.1. */
#include "../include/xdp.h"

#define AF_INET6 10

struct Sid {
	__u32 behaviour;
	__u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ipv6_address);
	__type(value, struct Sid);
} sids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} ports SEC(".maps");

enum { TRUNCATED, BAD_SRH, NO_ROUTE, FORWARDED, COUNT };
OUTCOMES(outcomes, COUNT);

SEC("xdp")
int end(struct xdp_md *context)
{
	void *packet_end = DATA_END(context);
	struct ethernet *ethernet = DATA(context);
	if (!FITS(ethernet, packet_end) || ethernet->type != bpf_htons(ETHERTYPE_IPV6))
		return XDP_PASS;
	struct ipv6 *ipv6 = (void *)(ethernet + 1);
	if (!FITS(ipv6, packet_end) || ipv6->next_header != PROTOCOL_ROUTING)
		return XDP_PASS;
	struct Sid *sid = bpf_map_lookup_elem(&sids, &ipv6->destination);
	if (!sid)
		return XDP_PASS;
	__sync_fetch_and_add(&sid->packets, 1);

	struct segment_routing *srh = (void *)(ipv6 + 1);
	if (!FITS(srh, packet_end))
		return counted(&outcomes, TRUNCATED, XDP_DROP);
	__u32 left = srh->segments_left, last = srh->last_entry;
	if (left == 0 || ipv6->hop_limit <= 1)
		return XDP_PASS;
	if ((int)last > (int)(srh->length >> 1) - 1 || left > last + 1)
		return counted(&outcomes, BAD_SRH, XDP_DROP);

	left--;
	struct ipv6_address *segment = (void *)(srh + 1) + (left << 4);
	if (!FITS(segment, packet_end))
		return counted(&outcomes, TRUNCATED, XDP_DROP);
	srh->segments_left = left;
	ipv6->hop_limit--;
	ipv6->destination = *segment;

	struct bpf_fib_lookup fib __attribute__((aligned(8))) = {
		.family = AF_INET6,
		.tot_len = bpf_ntohs(ipv6->payload_length) + sizeof(*ipv6),
		.ifindex = context->ingress_ifindex,
	};
	copy_words(fib.ipv6_src, &ipv6->source, sizeof(ipv6->source));
	copy_words(fib.ipv6_dst, &ipv6->destination, sizeof(ipv6->destination));
	if (bpf_fib_lookup(context, &fib, sizeof(fib), 0) != BPF_FIB_LKUP_RET_SUCCESS)
		return counted(&outcomes, NO_ROUTE, XDP_PASS);
	copy_mac(&ethernet->source, fib.smac);
	copy_mac_behind(&ethernet->destination, fib.dmac);
	int verdict = bpf_redirect_map(&ports, fib.ifindex, XDP_ABORTED);
	return counted(&outcomes, FORWARDED, verdict);
}
