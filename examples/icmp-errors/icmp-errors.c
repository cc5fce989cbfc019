/* SPDX-License-Identifier: MIT */
/* The twin of icmp-errors.xdp.ts: ICMP errors made of the packet that caused them. */
#include "../include/xdp.h"

const volatile __be32 address4 = bpf_htonl(0xc00002fe);
const volatile __u64 address6[2] = { bpf_cpu_to_be64(0x20010db800000000), bpf_cpu_to_be64(0xfe) };
const volatile __u32 mtu = 1400;

enum { TRUNCATED, BAD_HEADER, SILENT, FAILED, TIME_EXCEEDED4, TIME_EXCEEDED6, PACKET_TOO_BIG, COUNT };
OUTCOMES(outcomes, COUNT);

#define GO_ON -1
#define DROP(reason) return counted(&outcomes, reason, XDP_DROP)

#define HEADERS4 (sizeof(struct ipv4) + sizeof(struct icmp))
#define HEADERS6 (sizeof(struct ipv6) + sizeof(struct icmp))
/* Bytes of the offending packet. */
#define MOST4 (576 - HEADERS4)
#define MOST6 (1280 - HEADERS6)
#define DSCP 48

#define ICMP_TIME_EXCEEDED 11
#define ICMPV6_PACKET_TOO_BIG 2
#define ICMPV6_TIME_EXCEEDED 3
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_REDIRECT 137

struct ipv6_fragment {
	__u8 next_header, reserved;
	__be16 offset;
	__be32 identification;
};

/* Adds the words of `length` bytes at `offset`, at most `most`, in the packet's order. */
static __always_inline int add_packet(struct xdp_md *context, __u32 offset, __u32 length, const __u32 most, __u64 *sum)
{
	void *at = DATA(context) + offset, *end = DATA_END(context);
	__u32 words = length >> 2;
	__u64 total = *sum;
	for (__u32 i = 0; i < most >> 2; i++) {
		if (i >= words)
			break;
		__u32 *word = at;
		if (!FITS(word, end))
			DROP(TRUNCATED);
		total += *word;
		at += sizeof(*word);
	}
#pragma unroll
	for (__u32 i = 0; i < 3; i++) {
		if (i >= (length & 3))
			break;
		/* Or else clang computes with the packet's end, which the verifier forbids. */
		asm volatile("" : "+r"(at));
		__u8 *byte = at;
		if (!FITS(byte, end))
			DROP(TRUNCATED);
		total += i == 1 ? (__u32)*byte << 8 : *byte;
		at++;
	}
	*sum = total;
	return GO_ON;
}

static __always_inline __u16 finish_wide(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return finish_checksum(sum);
}

/* 14, 18 or 22: a bound for the verifier, which knows nothing of the difference of two pointers. */
static __always_inline __u32 link_bytes(const struct cursor *cursor)
{
	return offset_of(cursor) & 31;
}

/* Puts `count` bytes behind the link layer of `front` bytes, whose addresses change places. */
static __always_inline int move_front(struct xdp_md *context, const __u32 front, const __u32 count)
{
	__u64 saved[3];
	void *data = DATA(context);
	if (data + front > DATA_END(context))
		DROP(TRUNCATED);
	copy_words(saved, data, front);
	if (bpf_xdp_adjust_head(context, -(int)count))
		DROP(FAILED);
	data = DATA(context);
	if (data + front > DATA_END(context))
		DROP(TRUNCATED);
	copy_mac_behind(data, (void *)saved + sizeof(struct mac));
	copy_mac(data + sizeof(struct mac), saved);
	__u32 at = 12;
#pragma unroll
	for (; at + 4 <= front; at += 4)
		*(__u32 *)(data + at) = *(__u32 *)((void *)saved + at);
	*(__u16 *)(data + at) = *(__u16 *)((void *)saved + at);
	return GO_ON;
}

static __always_inline int make_room(struct xdp_md *context, __u32 front, const __u32 count)
{
	switch (front) {
	case sizeof(struct ethernet):
		return move_front(context, sizeof(struct ethernet), count);
	case sizeof(struct ethernet) + sizeof(struct vlan_tag):
		return move_front(context, sizeof(struct ethernet) + sizeof(struct vlan_tag), count);
	case sizeof(struct ethernet) + 2 * sizeof(struct vlan_tag):
		return move_front(context, sizeof(struct ethernet) + 2 * sizeof(struct vlan_tag), count);
	}
	return GO_ON;
}

static __always_inline int exceeded4(struct xdp_md *context, __u32 frame, __u32 start, __u32 length, __be32 offender)
{
	if (!set_length(context, frame, start + length))
		DROP(FAILED);
	__u64 sum = bpf_htons(ICMP_TIME_EXCEEDED << 8);
	int verdict = add_packet(context, start, length, MOST4, &sum);
	if (verdict != GO_ON)
		return verdict;
	verdict = make_room(context, start, HEADERS4);
	if (verdict != GO_ON)
		return verdict;
	struct ipv4 *ip = DATA(context) + start;
	struct icmp *icmp = (void *)(ip + 1);
	if (!FITS(icmp, DATA_END(context)))
		DROP(TRUNCATED);
	struct ipv4 header = {
		.version_ihl = 0x45,
		.tos = DSCP << 2,
		.total_length = bpf_htons(HEADERS4 + length),
		.fragment = bpf_htons(0x4000),
		.ttl = 64,
		.protocol = PROTOCOL_ICMP,
		.source = address4,
		.destination = offender,
	};
	header.checksum = ipv4_checksum(&header);
	*ip = header;
	icmp->type = ICMP_TIME_EXCEEDED;
	icmp->code = 0;
	icmp->checksum = finish_wide(sum);
	icmp->rest = 0;
	return counted(&outcomes, TIME_EXCEEDED4, XDP_TX);
}

/* 224.0.0.0/3: multicast, reserved, broadcast. */
static __always_inline bool is_beyond_hosts(__be32 address)
{
	return (address & bpf_htonl(0xe0000000)) == bpf_htonl(0xe0000000);
}

static __always_inline bool is_error4(__u8 type)
{
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static __always_inline int answer4(struct xdp_md *context, struct cursor *cursor, bool group)
{
	__u32 frame = cursor->end - cursor->data, start = link_bytes(cursor);
	struct ipv4 *ip = TAKE(struct ipv4, cursor);
	if (!ip)
		DROP(TRUNCATED);
	if (ip->ttl > 1)
		return XDP_PASS;
	__u32 header = (ip->version_ihl & 15) << 2, total = bpf_ntohs(ip->total_length);
	if (ip->version_ihl >> 4 != 4 || header < sizeof(*ip) || total < header)
		DROP(BAD_HEADER);
	if (start + total > frame)
		DROP(BAD_HEADER);
	__be32 source = ip->source;
	if (group || ip->fragment & bpf_htons(FRAGMENT_OFFSET) || is_beyond_hosts(ip->destination))
		DROP(SILENT);
	__u8 first = source & 0xff;
	if (is_beyond_hosts(source) || first == 0 || first == 127)
		DROP(SILENT);
	if (ip->protocol == PROTOCOL_ICMP) {
		__u8 *type = (void *)ip + header;
		if (!FITS(type, cursor->end))
			DROP(TRUNCATED);
		if (is_error4(*type))
			DROP(SILENT);
	}
	return exceeded4(context, frame, start, total < MOST4 ? total : MOST4, source);
}

static __always_inline __u64 halves(__u64 word)
{
	return (word & 0xffffffff) + (word >> 32);
}

static __always_inline int error6(struct xdp_md *context, __u32 frame, __u32 start, __u32 length,
				  const struct ipv6_address *offender, __u8 type, __u32 rest)
{
	if (!set_length(context, frame, start + length))
		DROP(FAILED);
	__u32 payload = sizeof(struct icmp) + length;
	__u64 high = address6[0], low = address6[1];
	__u64 sum = halves(high) + halves(low) + halves(offender->high) + halves(offender->low);
	sum += bpf_htons(payload) + bpf_htons(PROTOCOL_ICMPV6) + bpf_htons(type << 8) + bpf_htonl(rest);
	int verdict = add_packet(context, start, length, MOST6, &sum);
	if (verdict != GO_ON)
		return verdict;
	verdict = make_room(context, start, HEADERS6);
	if (verdict != GO_ON)
		return verdict;
	struct ipv6 *ip = DATA(context) + start;
	struct icmp *icmp = (void *)(ip + 1);
	if (!FITS(icmp, DATA_END(context)))
		DROP(TRUNCATED);
	ip->version_class_flow = bpf_htonl(6 << 28 | DSCP << 2 << 20);
	ip->payload_length = bpf_htons(payload);
	ip->next_header = PROTOCOL_ICMPV6;
	ip->hop_limit = 64;
	ip->source.high = high;
	ip->source.low = low;
	ip->destination = *offender;
	icmp->type = type;
	icmp->code = 0;
	icmp->checksum = finish_wide(sum);
	icmp->rest = bpf_htonl(rest);
	return GO_ON;
}

/* Whether the cursor, behind the IPv6 header, stands before an ICMPv6 error or a redirect: GO_ON when not. */
static __always_inline int refuse_errors(struct cursor *cursor, __u8 next_header)
{
	int protocol = skip_options(cursor, next_header, 2);
	if (protocol < 0)
		DROP(TRUNCATED);
	if (protocol == PROTOCOL_FRAGMENT) {
		struct ipv6_fragment *fragment = TAKE(struct ipv6_fragment, cursor);
		if (!fragment)
			DROP(TRUNCATED);
		if (fragment->offset & bpf_htons(0xfff8))
			DROP(SILENT);
		protocol = fragment->next_header;
	}
	if (protocol != PROTOCOL_ICMPV6)
		return GO_ON;
	__u8 *type = PEEK(__u8, cursor);
	if (!type)
		DROP(TRUNCATED);
	if (*type < ICMPV6_ECHO_REQUEST || *type == ICMPV6_REDIRECT)
		DROP(SILENT);
	return GO_ON;
}

static __always_inline bool is_multicast(const struct ipv6_address *address)
{
	return *(const __u8 *)address == 0xff;
}

static __always_inline int answer6(struct xdp_md *context, struct cursor *cursor, bool group)
{
	__u32 frame = cursor->end - cursor->data, start = link_bytes(cursor);
	struct ipv6 *ip = TAKE(struct ipv6, cursor);
	if (!ip)
		DROP(TRUNCATED);
	__u32 whole = sizeof(*ip) + bpf_ntohs(ip->payload_length);
	bool expired = ip->hop_limit <= 1;
	if (!expired && whole <= mtu)
		return XDP_PASS;
	if (*(__u8 *)ip >> 4 != 6 || start + whole > frame)
		DROP(BAD_HEADER);
	struct ipv6_address source = ip->source;
	if (group || is_multicast(&ip->destination) || is_multicast(&source))
		DROP(SILENT);
	/* ::/127: unspecified, loopback. */
	if (source.high == 0 && (source.low & bpf_cpu_to_be64(~1ull)) == 0)
		DROP(SILENT);
	int verdict = refuse_errors(cursor, ip->next_header);
	if (verdict != GO_ON)
		return verdict;
	__u32 length = whole < MOST6 ? whole : MOST6;
	__u8 type = expired ? ICMPV6_TIME_EXCEEDED : ICMPV6_PACKET_TOO_BIG;
	verdict = error6(context, frame, start, length, &source, type, expired ? 0 : mtu);
	if (verdict != GO_ON)
		return verdict;
	return counted(&outcomes, expired ? TIME_EXCEEDED6 : PACKET_TOO_BIG, XDP_TX);
}

SEC("xdp")
int answer(struct xdp_md *context)
{
	struct cursor cursor = cursor_of(context);
	struct ethernet *ethernet;
	__be16 type;
	if (!take_link(&cursor, &ethernet, &type))
		return XDP_PASS;
	bool group = *(__u8 *)ethernet & 1;
	if (type == bpf_htons(ETHERTYPE_IPV4))
		return answer4(context, &cursor, group);
	if (type == bpf_htons(ETHERTYPE_IPV6))
		return answer6(context, &cursor, group);
	return XDP_PASS;
}
