/* SPDX-License-Identifier: MIT */
/* The twin of gtp4-encap.xdp.ts: End.M.GTP4.E, RFC 9433 section 6.6. */
#include "../include/gtp.h"
#include "../srv6/adjacency.h"

struct Gateway {
	__u32 adjacency;
	__u8 ttl, dscp, pduType;
	__u64 packets, bytes;
};

struct gateway_key {
	__u32 prefix_length;
	__u32 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct gateway_key);
	__type(value, struct Gateway);
} gateways SEC(".maps");

const volatile bool fifthGeneration = true;

enum { TRUNCATED, NOT_LAST, HOP_LIMIT, BAD_HEADER, LENGTH_MISMATCH, UNKNOWN_INNER, NO_HEADROOM, TOO_LONG, COUNT };
OUTCOMES(outcomes, COUNT);

#define SHORT_BYTES (sizeof(struct ethernet) + sizeof(struct ipv4) + sizeof(struct udp) + sizeof(struct gtp))
#define LONG_BYTES (SHORT_BYTES + sizeof(struct gtp_optional) + sizeof(struct pdu_session))

/* What outlives replace_head. */
struct downlink {
	__be32 source, destination, teid;
	__be16 port;
	__u8 arguments, hop_limit;
	__u32 offset, length;
};

/* The outer headers; `size` is a constant in every call. */
static __always_inline int encapsulate_in(struct xdp_md *context, struct Gateway *gateway,
					  const struct downlink *downlink, const __u32 size)
{
	struct ethernet *ethernet = replace_head(context, downlink->offset, size);
	if (!ethernet)
		return counted(&outcomes, NO_HEADROOM, XDP_DROP);
	__u32 total = size - sizeof(*ethernet) + downlink->length;
	write_ethernet(ethernet, bpf_htons(ETHERTYPE_IPV4));

	struct ipv4 *ipv4 = (void *)(ethernet + 1);
	struct ipv4 header = {
		.version_ihl = 0x45,
		.tos = gateway->dscp << 2,
		.total_length = bpf_htons(total),
		.fragment = bpf_htons(0x4000),
		.ttl = gateway->ttl == 0 ? downlink->hop_limit - 1 : gateway->ttl,
		.protocol = PROTOCOL_UDP,
		.source = downlink->source,
		.destination = downlink->destination,
	};
	header.checksum = ipv4_checksum(&header);
	*ipv4 = header;

	struct udp *udp = (void *)(ipv4 + 1);
	udp->source = downlink->port == 0 ? bpf_htons(PORT_GTPU) : downlink->port;
	udp->destination = bpf_htons(PORT_GTPU);
	udp->length = bpf_htons(total - sizeof(*ipv4));
	udp->checksum = 0;

	struct gtp *gtp = (void *)(udp + 1);
	gtp->flags = size == LONG_BYTES ? 0x34 : 0x30;
	gtp->message = GTP_PDU;
	gtp->length = bpf_htons(total - sizeof(*ipv4) - sizeof(*udp) - sizeof(*gtp));
	gtp->teid = downlink->teid;
	if (size == LONG_BYTES) {
		struct gtp_optional *optional = (void *)(gtp + 1);
		*optional = (struct gtp_optional){ .next = GTP_EXTENSION_PDU_SESSION };
		struct pdu_session *session = (void *)(optional + 1);
		__u8 arguments = downlink->arguments;
		session->words = 1;
		session->type = gateway->pduType << 4;
		session->qfi = arguments >> 2 | (arguments & ARGUMENT_REFLECTIVE ? QFI_REFLECTIVE : 0);
		session->next = 0;
	}

	__sync_fetch_and_add(&gateway->packets, 1);
	__sync_fetch_and_add(&gateway->bytes, (__u16)total);
	if (gateway->adjacency != 0)
		return forward_via(gateway->adjacency, ethernet, (__u16)total);
	return forward_by_fib4(context, ethernet, ipv4);
}

SEC("xdp")
int encapsulate(struct xdp_md *context)
{
	struct cursor cursor = cursor_of(context);
	struct ethernet *link;
	__be16 type;
	if (!take_link(&cursor, &link, &type) || type != bpf_htons(ETHERTYPE_IPV6))
		return XDP_PASS;
	__u32 start = offset_of(&cursor);
	struct ipv6 *ipv6 = TAKE(struct ipv6, &cursor);
	if (!ipv6)
		return counted(&outcomes, TRUNCATED, XDP_DROP);
	struct gateway_key key = { .prefix_length = 128 };
	const __u32 *word = (const void *)&ipv6->destination;
#pragma unroll
	for (int i = 0; i < 4; i++)
		key.address[i] = word[i];
	struct Gateway *gateway = bpf_map_lookup_elem(&gateways, &key);
	if (!gateway)
		return XDP_PASS;
	if (ipv6->hop_limit <= 1)
		return counted(&outcomes, HOP_LIMIT, XDP_PASS);
	__u32 end = start + sizeof(*ipv6) + bpf_ntohs(ipv6->payload_length);
	if (end > cursor.end - cursor.data)
		return counted(&outcomes, LENGTH_MISMATCH, XDP_DROP);

	int protocol = skip_options(&cursor, ipv6->next_header, 2);
	if (protocol < 0)
		return counted(&outcomes, TRUNCATED, XDP_DROP);
	if (protocol == PROTOCOL_ROUTING) {
		struct segment_routing *srh = PEEK(struct segment_routing, &cursor);
		if (!srh)
			return counted(&outcomes, TRUNCATED, XDP_DROP);
		if (srh->type != ROUTING_SEGMENT)
			return counted(&outcomes, BAD_HEADER, XDP_PASS);
		if (srh->segments_left != 0)
			return counted(&outcomes, NOT_LAST, XDP_PASS);
		protocol = srh->next_header;
		cursor.at += extension_bytes(srh->length);
	}
	if (protocol != PROTOCOL_IPV4 && protocol != PROTOCOL_IPV6)
		return counted(&outcomes, UNKNOWN_INNER, XDP_DROP);
	__s32 length = (__s32)(end - offset_of(&cursor));
	if (length < 20)
		return counted(&outcomes, LENGTH_MISMATCH, XDP_DROP);
	if (length + LONG_BYTES - sizeof(struct ethernet) > 0xffff)
		return counted(&outcomes, TOO_LONG, XDP_DROP);

	const void *sid = &ipv6->destination, *source = &ipv6->source;
	struct downlink downlink = {
		.source = *(const __be32 *)(source + SOURCE_ADDRESS),
		.destination = *(const __be32 *)(sid + SID_DESTINATION),
		.teid = *(const __be32 *)(sid + SID_SESSION),
		.port = *(const __be16 *)(source + SOURCE_PORT),
		.arguments = *(const __u8 *)(sid + SID_ARGUMENTS),
		.hop_limit = ipv6->hop_limit,
		.offset = offset_of(&cursor),
		.length = length,
	};
	if (!set_length(context, cursor.end - cursor.data, end))
		return counted(&outcomes, TRUNCATED, XDP_DROP);
	if (!fifthGeneration)
		return encapsulate_in(context, gateway, &downlink, SHORT_BYTES);
	return encapsulate_in(context, gateway, &downlink, LONG_BYTES);
}
