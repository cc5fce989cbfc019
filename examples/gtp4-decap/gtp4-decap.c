/* SPDX-License-Identifier: MIT */
/* The twin of gtp4-decap.xdp.ts: H.M.GTP4.D, RFC 9433 section 6.7. */
#include "../include/gtp.h"
#include "../srv6/adjacency.h"

#define MAX_SEGMENTS 3
#define MAX_EXTENSIONS 4

struct SessionKey {
	__be32 destination;
	__u32 teid;
};

struct Policy {
	struct ipv6_address locator, source, segments[MAX_SEGMENTS];
	__u8 segmentCount, hopLimit;
	__u32 adjacency;
};

struct Usage {
	__u64 packets, bytes;
};

struct route_key {
	__u32 prefix_length;
	__be32 destination;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 20);
	__type(key, struct SessionKey);
	__type(value, __u32);
} sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct route_key);
	__type(value, __u32);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct Policy);
} policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 20);
	__type(key, struct SessionKey);
	__type(value, struct Usage);
} usage SEC(".maps");

const volatile bool countUsage = true;

enum {
	TRUNCATED,
	BAD_HEADER,
	FRAGMENT,
	TTL,
	LENGTH_MISMATCH,
	ECHO,
	END_MARKER,
	ERROR_INDICATION,
	OTHER_MESSAGE,
	BAD_EXTENSION,
	TOO_MANY_EXTENSIONS,
	UNKNOWN_INNER,
	NO_SESSION,
	NO_POLICY,
	NO_HEADROOM,
	COUNT,
};
OUTCOMES(outcomes, COUNT);

struct uplink {
	__be32 source, destination;
	__be16 port;
	__u8 ttl, protocol;
	__be32 teid;
	/* First byte of the arguments: QFI, R, U. */
	__u8 arguments;
	/* Of the packet inside: bytes from the start of the frame, and bytes long. */
	__u32 offset, length;
};

/* What a step of the walk answers: go on, or end with this verdict. */
#define GO_ON -1
#define DROP(reason) return counted(&outcomes, reason, XDP_DROP)
#define PASS(reason) return counted(&outcomes, reason, XDP_PASS)

/* Cursor behind the eight GTP-U bytes, then at the inner packet. `end` is an offset. */
static __always_inline int take_extensions(struct cursor *cursor, __u8 flags, __u32 end, __u8 *arguments)
{
	if (!(flags & GTP_FLAGS_OPTIONAL))
		return GO_ON;
	struct gtp_optional *optional = TAKE(struct gtp_optional, cursor);
	if (!optional)
		DROP(TRUNCATED);
	__u8 next = flags & GTP_FLAG_EXTENSION ? optional->next : 0;
#pragma unroll
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		if (next == 0)
			break;
		__u8 *words = PEEK(__u8, cursor);
		if (!words)
			DROP(TRUNCATED);
		__u32 bytes = (__u32)*words << 2;
		if (bytes == 0 || offset_of(cursor) + bytes > end)
			DROP(BAD_EXTENSION);
		if (next == GTP_EXTENSION_PDU_SESSION) {
			struct pdu_session *session = PEEK(struct pdu_session, cursor);
			if (!session)
				DROP(TRUNCATED);
			__u8 qfi = session->qfi;
			*arguments = (__u8)(qfi << 2) | (qfi & QFI_REFLECTIVE ? ARGUMENT_REFLECTIVE : 0);
		}
		__u8 *last = cursor->at + bytes - 1;
		if (!FITS(last, cursor->end))
			DROP(TRUNCATED);
		next = *last;
		cursor->at += bytes;
	}
	if (next != 0)
		DROP(TOO_MANY_EXTENSIONS);
	return GO_ON;
}

static __always_inline int take_uplink(struct cursor *cursor, struct uplink *uplink)
{
	__u32 frame = cursor->end - cursor->data;
	__u32 start = offset_of(cursor);
	struct ipv4 *ipv4 = TAKE(struct ipv4, cursor);
	if (!ipv4)
		DROP(TRUNCATED);
	if (ipv4->protocol != PROTOCOL_UDP)
		return XDP_PASS;
	__u32 words = ipv4->version_ihl & 15;
	if (ipv4->version_ihl >> 4 != 4 || words < 5)
		DROP(BAD_HEADER);
	cursor->at += (words << 2) - sizeof(*ipv4);
	if (ipv4->fragment & bpf_htons(FRAGMENT_MORE | FRAGMENT_OFFSET)) {
		if (ipv4->fragment & bpf_htons(FRAGMENT_OFFSET))
			return XDP_PASS;
		PASS(FRAGMENT);
	}

	__u32 udp_start = offset_of(cursor);
	struct udp *udp = TAKE(struct udp, cursor);
	if (!udp)
		DROP(TRUNCATED);
	if (udp->destination != bpf_htons(PORT_GTPU))
		return XDP_PASS;
	if (ipv4->ttl <= 1)
		PASS(TTL);

	/* Frame >= IPv4 total length >= UDP length >= GTP length: Ethernet padding never becomes payload. */
	__u32 end = start + bpf_ntohs(ipv4->total_length);
	__u32 udp_end = udp_start + bpf_ntohs(udp->length);
	if (end > frame || udp_end > end)
		DROP(LENGTH_MISMATCH);
	struct gtp *gtp = TAKE(struct gtp, cursor);
	if (!gtp)
		DROP(TRUNCATED);
	__u8 flags = gtp->flags;
	if (flags >> 5 != 1 || !(flags & GTP_FLAG_PROTOCOL))
		DROP(BAD_HEADER);
	switch (gtp->message) {
	case GTP_PDU:
		break;
	case GTP_ECHO_REQUEST:
	case GTP_ECHO_RESPONSE:
		PASS(ECHO);
	case GTP_END_MARKER:
		PASS(END_MARKER);
	case GTP_ERROR_INDICATION:
		PASS(ERROR_INDICATION);
	default:
		PASS(OTHER_MESSAGE);
	}
	__u32 gtp_end = offset_of(cursor) + bpf_ntohs(gtp->length);
	if (gtp_end > udp_end)
		DROP(LENGTH_MISMATCH);

	uplink->arguments = 0;
	int verdict = take_extensions(cursor, flags, gtp_end, &uplink->arguments);
	if (verdict != GO_ON)
		return verdict;
	__u8 *first = PEEK(__u8, cursor);
	if (!first)
		DROP(TRUNCATED);
	__u8 version = *first >> 4;
	uplink->offset = offset_of(cursor);
	if ((int)(gtp_end - uplink->offset) < 20 || (version != 4 && version != 6))
		DROP(UNKNOWN_INNER);
	uplink->length = gtp_end - uplink->offset;
	uplink->protocol = version == 4 ? PROTOCOL_IPV4 : PROTOCOL_IPV6;
	uplink->source = ipv4->source;
	uplink->destination = ipv4->destination;
	uplink->port = udp->source;
	uplink->teid = gtp->teid;
	uplink->ttl = ipv4->ttl;
	return GO_ON;
}

/* locator | IPv4 destination | QFI, R, U, session | rest */
static __always_inline void write_sid(void *sid, const struct Policy *policy, const struct uplink *uplink)
{
	*(struct ipv6_address *)sid = policy->locator;
	*(__be32 *)(sid + SID_DESTINATION) = uplink->destination;
	*(__u8 *)(sid + SID_ARGUMENTS) = uplink->arguments;
	*(__be32 *)(sid + SID_SESSION) = uplink->teid;
}

/* prefix | IPv4 source | UDP source port | rest */
static __always_inline void write_source(void *source, const struct Policy *policy, const struct uplink *uplink)
{
	*(struct ipv6_address *)source = policy->source;
	*(__be32 *)(source + SOURCE_ADDRESS) = uplink->source;
	*(__be16 *)(source + SOURCE_PORT) = uplink->port;
}

/* The outer headers; `count` is a constant in every call, so each becomes straight stores. */
static __always_inline int encapsulate(struct xdp_md *context, const struct Policy *policy, const struct uplink *uplink,
				       const __u32 count)
{
	const __u32 srh_length = count ? sizeof(struct segment_routing) + (count + 1) * 16 : 0;
	struct ethernet *ethernet =
		replace_head(context, uplink->offset, sizeof(*ethernet) + sizeof(struct ipv6) + srh_length);
	if (!ethernet)
		DROP(NO_HEADROOM);
	write_ethernet(ethernet, bpf_htons(ETHERTYPE_IPV6));

	struct ipv6 *ipv6 = (void *)(ethernet + 1);
	__u16 payload = srh_length + uplink->length;
	ipv6->version_class_flow = bpf_htonl(6 << 28);
	ipv6->payload_length = bpf_htons(payload);
	ipv6->next_header = count ? PROTOCOL_ROUTING : uplink->protocol;
	ipv6->hop_limit = policy->hopLimit == 0 ? uplink->ttl - 1 : policy->hopLimit;
	write_source(&ipv6->source, policy, uplink);
	if (count == 0) {
		write_sid(&ipv6->destination, policy, uplink);
	} else {
		ipv6->destination = policy->segments[0];
		struct segment_routing *srh = (void *)(ipv6 + 1);
		*srh = (struct segment_routing){
			.next_header = uplink->protocol,
			.length = srh_length / 8 - 1,
			.type = ROUTING_SEGMENT,
			.segments_left = count,
			.last_entry = count,
		};
		struct ipv6_address *segments = (void *)(srh + 1);
		write_sid(&segments[0], policy, uplink);
#pragma unroll
		for (__u32 i = 0; i < count; i++)
			segments[count - i] = policy->segments[i];
	}
	if (policy->adjacency != 0)
		return forward_via(policy->adjacency, ethernet, sizeof(*ipv6) + payload);
	return forward_by_fib6(context, ethernet, ipv6);
}

SEC("xdp")
int decapsulate(struct xdp_md *context)
{
	struct cursor cursor = cursor_of(context);
	struct ethernet *link;
	__be16 type;
	if (!take_link(&cursor, &link, &type) || type != bpf_htons(ETHERTYPE_IPV4))
		return XDP_PASS;
	struct uplink uplink;
	int verdict = take_uplink(&cursor, &uplink);
	if (verdict != GO_ON)
		return verdict;

	struct SessionKey key = { uplink.destination, bpf_ntohl(uplink.teid) };
	__u32 *id = bpf_map_lookup_elem(&sessions, &key);
	if (!id) {
		struct route_key route = { 32, uplink.destination };
		id = bpf_map_lookup_elem(&routes, &route);
		if (!id)
			PASS(NO_SESSION);
	}
	struct Policy *policy = bpf_map_lookup_elem(&policies, id);
	if (!policy)
		DROP(NO_POLICY);
	if (countUsage) {
		struct Usage *used = bpf_map_lookup_elem(&usage, &key);
		if (used) {
			__sync_fetch_and_add(&used->packets, 1);
			__sync_fetch_and_add(&used->bytes, uplink.length);
		}
	}

	/* Padding behind the inner packet goes first, while its end is known. */
	if (!set_length(context, cursor.end - cursor.data, uplink.offset + uplink.length))
		DROP(TRUNCATED);
	switch (policy->segmentCount) {
	case 0:
		return encapsulate(context, policy, &uplink, 0);
	case 1:
		return encapsulate(context, policy, &uplink, 1);
	case 2:
		return encapsulate(context, policy, &uplink, 2);
	case 3:
		return encapsulate(context, policy, &uplink, 3);
	}
	DROP(NO_POLICY);
}
