/* SPDX-License-Identifier: MIT */
/* The twin of payload-cutter.xdp.ts: headers and the first bytes of payload stay. */
#include "../include/xdp.h"

const volatile __u32 kept = 16;

enum { TRUNCATED, BAD_HEADER, FRAGMENT, OTHER_PROTOCOL, SHORT, FAILED, CUT, COUNT };
OUTCOMES(outcomes, COUNT);

#define PASS(reason) return counted(&outcomes, reason, XDP_PASS)

/*
 * The cursor stands before the transport header; `end` is where the IP header says that the packet ends. `total` is its
 * length field, which counts from `from`; `checksum` covers it, or is NULL.
 */
static __always_inline int cut_transport(struct xdp_md *context, struct cursor *cursor, __u8 protocol, __u32 end,
					 __u32 from, __be16 *total, __u16 *checksum)
{
	__u32 frame = cursor->end - cursor->data;
	if (end > frame)
		PASS(TRUNCATED);
	struct udp *udp = NULL;
	__u32 length;
	if (protocol == PROTOCOL_TCP) {
		struct tcp *tcp = PEEK(struct tcp, cursor);
		if (!tcp)
			PASS(TRUNCATED);
		length = (tcp->offset >> 4) << 2;
		if (length < sizeof(*tcp))
			PASS(BAD_HEADER);
	} else if (protocol == PROTOCOL_UDP) {
		udp = PEEK(struct udp, cursor);
		if (!udp)
			PASS(TRUNCATED);
		length = sizeof(*udp);
	} else {
		PASS(OTHER_PROTOCOL);
	}
	__u64 wanted = (__u64)offset_of(cursor) + length + kept;
	if (wanted >= end)
		PASS(SHORT);

	__be16 now = bpf_htons(wanted - from);
	if (checksum)
		*checksum = replace_half(*checksum, *total, now);
	*total = now;
	if (udp)
		udp->length = bpf_htons(wanted - offset_of(cursor));
	if (bpf_xdp_adjust_tail(context, (int)wanted - (int)frame))
		return counted(&outcomes, FAILED, XDP_DROP);
	PASS(CUT);
}

SEC("xdp")
int cut(struct xdp_md *context)
{
	struct cursor cursor = cursor_of(context);
	struct ethernet *ethernet;
	__be16 type;
	if (!take_link(&cursor, &ethernet, &type))
		return XDP_PASS;
	if (type == bpf_htons(ETHERTYPE_IPV4)) {
		__u32 start = offset_of(&cursor);
		struct ipv4 *ip = TAKE(struct ipv4, &cursor);
		if (!ip)
			PASS(TRUNCATED);
		__u32 words = ip->version_ihl & 15;
		if (ip->version_ihl >> 4 != 4 || words < 5)
			PASS(BAD_HEADER);
		if (ip->fragment & bpf_htons(FRAGMENT_MORE | FRAGMENT_OFFSET))
			PASS(FRAGMENT);
		cursor.at += (words << 2) - sizeof(*ip);
		return cut_transport(context, &cursor, ip->protocol, start + bpf_ntohs(ip->total_length), start,
				     &ip->total_length, &ip->checksum);
	}
	if (type == bpf_htons(ETHERTYPE_IPV6)) {
		struct ipv6 *ip = TAKE(struct ipv6, &cursor);
		if (!ip)
			PASS(TRUNCATED);
		if ((*(__u8 *)ip) >> 4 != 6)
			PASS(BAD_HEADER);
		__u32 start = offset_of(&cursor);
		int protocol = skip_options(&cursor, ip->next_header, 2);
		if (protocol < 0)
			PASS(TRUNCATED);
		if (protocol == PROTOCOL_FRAGMENT)
			PASS(FRAGMENT);
		return cut_transport(context, &cursor, protocol, start + bpf_ntohs(ip->payload_length), start,
				     &ip->payload_length, NULL);
	}
	return XDP_PASS;
}
