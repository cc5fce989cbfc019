/* SPDX-License-Identifier: MIT */
/* The twin of static-nat.xdp.ts: 1:1 NAT for IPv4 with incremental checksums (RFC 1624). */
#include "../srv6/forward.h"

struct Binding {
	__be32 address;
	__u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __be32);
	__type(value, struct Binding);
} outbound SEC(".maps"), inbound SEC(".maps");

enum { TRUNCATED, FRAGMENT, OPTIONS, NAT_TTL, NO_BINDING, ICMP_UNKNOWN, COUNT };
OUTCOMES(outcomes, COUNT);

#define ICMP_ECHO_REPLY 0
#define ICMP_UNREACHABLE 3
#define ICMP_ECHO_REQUEST 8
#define ICMP_TIME_EXCEEDED 11

#define GO_ON -1
#define DROP(reason) return counted(&outcomes, reason, XDP_DROP)
#define PASS(reason) return counted(&outcomes, reason, XDP_PASS)

/* The pseudo-header of TCP and UDP covers the addresses. */
static __always_inline int rewrite_transport(struct cursor *cursor, __u8 protocol, __be32 from, __be32 to)
{
	if (protocol == PROTOCOL_TCP) {
		struct tcp *tcp = PEEK(struct tcp, cursor);
		if (!tcp)
			DROP(TRUNCATED);
		tcp->checksum = replace_word(tcp->checksum, from, to);
	} else if (protocol == PROTOCOL_UDP) {
		struct udp *udp = PEEK(struct udp, cursor);
		if (!udp)
			DROP(TRUNCATED);
		if (udp->checksum == 0)
			return GO_ON;
		__u16 sum = replace_word(udp->checksum, from, to);
		udp->checksum = sum == 0 ? 0xffff : sum;
	}
	return GO_ON;
}

/* An ICMP error carries the packet that caused it: its addresses are the mirror image. */
static __always_inline void rewrite_error(struct cursor *cursor, struct icmp *icmp, const bool is_source, __be32 to)
{
	cursor->at = icmp + 1;
	struct ipv4 *inner = PEEK(struct ipv4, cursor);
	if (!inner)
		return;
	__be32 *mirror = is_source ? &inner->destination : &inner->source;
	__be32 from = *mirror;
	__u16 before = inner->checksum;
	__u16 after = replace_word(before, from, to);
	inner->checksum = after;
	*mirror = to;
	icmp->checksum = replace_half(replace_word(icmp->checksum, from, to), before, after);
}

/* `is_source` is a constant in every call. */
static __always_inline int translate(struct cursor *cursor, struct ipv4 *ip, const bool is_source, struct Binding *binding)
{
	__be32 *address = is_source ? &ip->source : &ip->destination;
	__be32 from = *address, to = binding->address;
	__sync_fetch_and_add(&binding->packets, 1);
	ip->checksum = replace_word(ip->checksum, from, to);
	*address = to;
	if (ip->protocol != PROTOCOL_ICMP)
		return rewrite_transport(cursor, ip->protocol, from, to);
	struct icmp *icmp = PEEK(struct icmp, cursor);
	if (!icmp)
		DROP(TRUNCATED);
	switch (icmp->type) {
	case ICMP_ECHO_REQUEST:
	case ICMP_ECHO_REPLY:
		return GO_ON;
	case ICMP_UNREACHABLE:
	case ICMP_TIME_EXCEEDED:
		rewrite_error(cursor, icmp, is_source, to);
		return GO_ON;
	default:
		DROP(ICMP_UNKNOWN);
	}
}

SEC("xdp")
int nat(struct xdp_md *context)
{
	struct cursor cursor = cursor_of(context);
	struct ethernet *ethernet;
	__be16 type;
	if (!take_link(&cursor, &ethernet, &type) || type != bpf_htons(ETHERTYPE_IPV4))
		return XDP_PASS;
	struct ipv4 *ip = TAKE(struct ipv4, &cursor);
	if (!ip)
		DROP(TRUNCATED);
	if ((ip->version_ihl & 15) != 5)
		PASS(OPTIONS);
	if (ip->fragment & bpf_htons(FRAGMENT_MORE | FRAGMENT_OFFSET))
		PASS(FRAGMENT);
	if (ip->ttl <= 1)
		PASS(NAT_TTL);

	int verdict;
	struct Binding *leaving = bpf_map_lookup_elem(&outbound, &ip->source);
	if (leaving) {
		verdict = translate(&cursor, ip, true, leaving);
	} else {
		struct Binding *arriving = bpf_map_lookup_elem(&inbound, &ip->destination);
		if (!arriving)
			PASS(NO_BINDING);
		verdict = translate(&cursor, ip, false, arriving);
	}
	if (verdict != GO_ON)
		return verdict;
	__u8 ttl = ip->ttl;
	ip->ttl = ttl - 1;
	ip->checksum = replace_half(ip->checksum, bpf_htons(ttl << 8), bpf_htons((ttl - 1) << 8));
	return forward_by_fib4(context, ethernet, ip);
}
