/* SPDX-License-Identifier: MIT */
/* The twin of end-psp.xdp.ts: SRv6 End with PSP, RFC 8986 sections 4.1 and 4.16.1. */
#include "../srv6/forward.h"

struct LocalSid {
	__u8 reserved : 7, psp : 1;
	__u64 packets, bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct ipv6_address);
	__type(value, struct LocalSid);
} sids SEC(".maps");

enum {
	TRUNCATED,
	NOT_OURS,
	NO_SRH,
	SEGMENTS_LEFT_ZERO,
	HOP_LIMIT,
	MALFORMED_SRH,
	NO_HEADROOM,
	PSP_BEHIND_OPTIONS,
	COUNT,
};
OUTCOMES(outcomes, COUNT);

/* Ethernet, 0 to 2 VLAN tags, IPv6: what stands before the SRH. */
#define FRONT(tags) (sizeof(struct ethernet) + (tags) * sizeof(struct vlan_tag) + sizeof(struct ipv6))

/* Moves the front over the SRH, copied through the stack; -1, or the verdict for a packet that cannot be cut. */
static __always_inline int cut_behind(struct xdp_md *context, const __u32 front, __u32 count)
{
	__u64 saved[FRONT(2) / 8 + 1];
	void *data = DATA(context);
	if (data + front > DATA_END(context))
		return counted(&outcomes, TRUNCATED, XDP_DROP);
	copy_words(saved, data, front);
	if (bpf_xdp_adjust_head(context, (int)count))
		return counted(&outcomes, NO_HEADROOM, XDP_DROP);
	data = DATA(context);
	if (data + front > DATA_END(context))
		return counted(&outcomes, TRUNCATED, XDP_DROP);
	copy_words(data, saved, front);
	struct ipv6 *ipv6 = data + front - sizeof(*ipv6);
	return forward_by_fib6(context, data, ipv6);
}

SEC("xdp")
int end(struct xdp_md *context)
{
	struct cursor cursor = cursor_of(context);
	struct ethernet *ethernet;
	__be16 type;
	if (!take_link(&cursor, &ethernet, &type) || type != bpf_htons(ETHERTYPE_IPV6))
		return XDP_PASS;
	struct ipv6 *ipv6 = TAKE(struct ipv6, &cursor);
	if (!ipv6)
		return counted(&outcomes, TRUNCATED, XDP_DROP);

	struct LocalSid *sid = bpf_map_lookup_elem(&sids, &ipv6->destination);
	if (!sid)
		return XDP_PASS;
	__sync_fetch_and_add(&sid->packets, 1);
	__sync_fetch_and_add(&sid->bytes, cursor.end - cursor.data);

	/* An SRH may stand behind one Hop-by-Hop header. */
	__u8 next = ipv6->next_header;
	__u32 options = 0;
	if (next == PROTOCOL_HOP_BY_HOP) {
		struct ipv6_extension *extension = PEEK(struct ipv6_extension, &cursor);
		if (!extension)
			return counted(&outcomes, TRUNCATED, XDP_DROP);
		next = extension->next_header;
		options = extension_bytes(extension->length);
		cursor.at += options;
	}
	if (next != PROTOCOL_ROUTING)
		return counted(&outcomes, NO_SRH, XDP_PASS);
	struct segment_routing *srh = TAKE(struct segment_routing, &cursor);
	if (!srh)
		return counted(&outcomes, TRUNCATED, XDP_DROP);
	if (srh->type != ROUTING_SEGMENT)
		return counted(&outcomes, NO_SRH, XDP_PASS);
	__u32 left = srh->segments_left, last = srh->last_entry;
	if (left == 0)
		return counted(&outcomes, SEGMENTS_LEFT_ZERO, XDP_PASS);
	if ((int)last > (int)(srh->length >> 1) - 1 || left > last + 1)
		return counted(&outcomes, MALFORMED_SRH, XDP_PASS);
	if (ipv6->hop_limit <= 1)
		return counted(&outcomes, HOP_LIMIT, XDP_PASS);

	left--;
	struct ipv6_address *segment = cursor.at + (left << 4);
	if (!FITS(segment, cursor.end))
		return counted(&outcomes, TRUNCATED, XDP_DROP);
	bool pop = left == 0 && sid->psp;
	if (pop && options != 0)
		return counted(&outcomes, PSP_BEHIND_OPTIONS, XDP_PASS);

	ipv6->hop_limit--;
	ipv6->destination = *segment;
	if (!pop) {
		srh->segments_left = left;
		return forward_by_fib6(context, ethernet, ipv6);
	}

	__u32 length = extension_bytes(srh->length);
	__u16 payload = bpf_ntohs(ipv6->payload_length);
	if (payload < length)
		return counted(&outcomes, MALFORMED_SRH, XDP_DROP);
	ipv6->next_header = srh->next_header;
	ipv6->payload_length = bpf_htons(payload - length);
	switch ((void *)srh - cursor.data) {
	case FRONT(0):
		return cut_behind(context, FRONT(0), length);
	case FRONT(1):
		return cut_behind(context, FRONT(1), length);
	case FRONT(2):
		return cut_behind(context, FRONT(2), length);
	}
	return counted(&outcomes, NO_HEADROOM, XDP_DROP);
}
