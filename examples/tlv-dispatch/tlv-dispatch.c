/* SPDX-License-Identifier: MIT */
/*
 * The twin of tlv-dispatch.xdp.ts: TLVs of an SRH into a per-CPU scratch place, then a jump to the local SID's program.
 * `trace` is off there as here; the timestamp is the one of an interface without hardware hints: 0.
 */
#include "../srv6/forward.h"

#define MAX_TLVS 8
#define TRACING_TLV 128
#define TLV_PAD1 0
#define TLV_HMAC 5

struct Sid {
	__u32 behaviour;
	__u8 body[20];
};

struct TracingBody {
	__u16 interfaceId;
	__u8 load, template;
};

struct tlv {
	__u8 kind, length;
};

struct hmac_tlv {
	__u8 kind, length, reserved[2];
	__be32 key;
	__u64 digest[4];
};

struct tracing_tlv {
	__u8 kind, length, reserved[2];
	__be32 timestamp[2], session;
};

struct Scratch {
	__u32 ipv6Offset, srhOffset, srhEnd, hmacKey, tracingOffset;
	__u8 tlvKinds[MAX_TLVS];
	__u32 tlvCount;
	struct Sid sid;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct Scratch);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ipv6_address);
	__type(value, struct Sid);
} sids SEC(".maps");

enum { TRUNCATED, BAD_TLV, TOO_MANY_TLVS, NO_PROGRAM, HOP_LIMIT, NOT_LAST, END, BAD_SRH, COUNT };
OUTCOMES(outcomes, COUNT);

int end(struct xdp_md *context);
int endDx6(struct xdp_md *context);
int endPathTracing(struct xdp_md *context);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 16);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} behaviours SEC(".maps") = {
	.values = { [1] = (void *)&end, [2] = (void *)&endDx6, [3] = (void *)&endPathTracing },
};

#define GO_ON -1
#define DROP(reason) return counted(&outcomes, reason, XDP_DROP)
#define PASS(reason) return counted(&outcomes, reason, XDP_PASS)

static __always_inline struct Scratch *scratch_place(void)
{
	__u32 zero = 0;
	return bpf_map_lookup_elem(&scratch, &zero);
}

/* `end` is an offset. */
static __always_inline int walk_tlvs(struct cursor *cursor, struct Scratch *state, __u32 end)
{
	state->tlvCount = 0;
#pragma unroll
	for (int i = 0; i < MAX_TLVS; i++) {
		if (offset_of(cursor) >= end)
			return GO_ON;
		__u8 *kind = PEEK(__u8, cursor);
		if (!kind)
			DROP(TRUNCATED);
		state->tlvKinds[i] = *kind;
		state->tlvCount = i + 1;
		if (*kind == TLV_PAD1) {
			cursor->at++;
			continue;
		}
		struct tlv *tlv = PEEK(struct tlv, cursor);
		if (!tlv)
			DROP(TRUNCATED);
		__u32 bytes = sizeof(*tlv) + tlv->length;
		if (offset_of(cursor) + bytes > end)
			DROP(BAD_TLV);
		if (tlv->kind == TLV_HMAC) {
			struct hmac_tlv *hmac = PEEK(struct hmac_tlv, cursor);
			if (!hmac)
				DROP(TRUNCATED);
			state->hmacKey = bpf_ntohl(hmac->key);
		}
		if (tlv->kind == TRACING_TLV)
			state->tracingOffset = offset_of(cursor);
		cursor->at += bytes;
	}
	if (offset_of(cursor) < end)
		DROP(TOO_MANY_TLVS);
	return GO_ON;
}

SEC("xdp")
int dispatch(struct xdp_md *context)
{
	struct cursor cursor = cursor_of(context);
	struct ethernet *ethernet;
	__be16 type;
	if (!take_link(&cursor, &ethernet, &type) || type != bpf_htons(ETHERTYPE_IPV6))
		return XDP_PASS;
	struct Scratch *state = scratch_place();
	if (!state)
		return XDP_ABORTED;
	state->ipv6Offset = offset_of(&cursor);
	struct ipv6 *ipv6 = TAKE(struct ipv6, &cursor);
	if (!ipv6)
		DROP(TRUNCATED);
	struct Sid *sid = bpf_map_lookup_elem(&sids, &ipv6->destination);
	if (!sid)
		return XDP_PASS;
	copy_words(&state->sid, sid, sizeof(*sid));
	state->srhOffset = 0;
	state->hmacKey = 0;
	state->tracingOffset = 0;

	int protocol = skip_options(&cursor, ipv6->next_header, 1);
	if (protocol < 0)
		DROP(TRUNCATED);
	if (protocol == PROTOCOL_ROUTING) {
		__u32 offset = offset_of(&cursor);
		state->srhOffset = offset;
		struct segment_routing *srh = TAKE(struct segment_routing, &cursor);
		if (!srh)
			DROP(TRUNCATED);
		if (srh->type != ROUTING_SEGMENT || (int)srh->last_entry > (int)(srh->length >> 1) - 1)
			DROP(BAD_SRH);
		__u32 end = offset + extension_bytes(srh->length);
		state->srhEnd = end;
		cursor.at += ((__u32)srh->last_entry + 1) << 4;
		int verdict = walk_tlvs(&cursor, state, end);
		if (verdict != GO_ON)
			return verdict;
	}
	bpf_tail_call(context, &behaviours, sid->behaviour);
	DROP(NO_PROGRAM);
}

/* The place of a `type` at an offset from memory; `& 0x3ff` bounds it, as in the twin. */
#define PLACE(type, cursor, offset)                                                                \
	({                                                                                         \
		(cursor)->at = (cursor)->data + ((offset) & 0x3ff);                                \
		PEEK(type, cursor);                                                                \
	})

/* Sets `ipv6`, whose destination is the next segment then. */
static __always_inline int advance(struct cursor *cursor, const struct Scratch *state, struct ipv6 **result)
{
	struct ipv6 *ipv6 = PLACE(struct ipv6, cursor, state->ipv6Offset);
	if (!ipv6)
		DROP(TRUNCATED);
	if (state->srhOffset == 0)
		DROP(NOT_LAST);
	struct segment_routing *srh = PLACE(struct segment_routing, cursor, state->srhOffset);
	if (!srh)
		DROP(TRUNCATED);
	__u32 left = srh->segments_left;
	if (left == 0)
		DROP(NOT_LAST);
	if (ipv6->hop_limit <= 1)
		PASS(HOP_LIMIT);
	left--;
	struct ipv6_address *segment = (void *)(srh + 1) + (left << 4);
	if (!FITS(segment, cursor->end))
		DROP(TRUNCATED);
	srh->segments_left = left;
	ipv6->hop_limit--;
	ipv6->destination = *segment;
	*result = ipv6;
	return GO_ON;
}

SEC("xdp")
int end(struct xdp_md *context)
{
	struct Scratch *state = scratch_place();
	if (!state)
		return XDP_ABORTED;
	struct cursor cursor = cursor_of(context);
	/* First: clang leaves it out behind `advance`, which checks more, and the verifier does not see that. */
	struct ethernet *ethernet = PLACE(struct ethernet, &cursor, 0);
	if (!ethernet)
		DROP(TRUNCATED);
	struct ipv6 *ipv6;
	int verdict = advance(&cursor, state, &ipv6);
	if (verdict != GO_ON)
		return verdict;
	add_one(&outcomes, END);
	return forward_by_fib6(context, ethernet, ipv6);
}

SEC("xdp")
int endDx6(struct xdp_md *context)
{
	struct Scratch *state = scratch_place();
	if (!state)
		return XDP_ABORTED;
	__u32 inner = state->srhOffset == 0 ? (state->ipv6Offset & 0x3ff) + sizeof(struct ipv6) : state->srhEnd & 0x3ff;
	struct ipv6 *packet = DATA(context) + inner;
	if (!FITS(packet, DATA_END(context)))
		DROP(TRUNCATED);
	if (packet->hop_limit <= 1)
		PASS(HOP_LIMIT);
	struct ethernet *outer = replace_head(context, inner, sizeof(*outer));
	if (!outer)
		DROP(TRUNCATED);
	outer->type = bpf_htons(ETHERTYPE_IPV6);
	struct ipv6 *moved = (void *)(outer + 1);
	if (!FITS(moved, DATA_END(context)))
		DROP(TRUNCATED);
	moved->hop_limit--;
	return forward_by_fib6(context, outer, moved);
}

SEC("xdp")
int endPathTracing(struct xdp_md *context)
{
	struct Scratch *state = scratch_place();
	if (!state)
		return XDP_ABORTED;
	struct cursor cursor = cursor_of(context);
	const struct TracingBody *body = (const void *)state->sid.body;
	if (state->tracingOffset != 0) {
		struct tracing_tlv *tlv = PLACE(struct tracing_tlv, &cursor, state->tracingOffset);
		if (!tlv)
			DROP(TRUNCATED);
		tlv->session = bpf_htonl((__u32)body->interfaceId << 16 | (__u32)body->load << 8 | body->template);
		tlv->timestamp[0] = tlv->timestamp[1] = 0;
	}
	/* The twin counts the tracing TLVs here, only to trace their number. */
	struct ethernet *ethernet = PLACE(struct ethernet, &cursor, 0);
	if (!ethernet)
		DROP(TRUNCATED);
	struct ipv6 *ipv6;
	int verdict = advance(&cursor, state, &ipv6);
	if (verdict != GO_ON)
		return verdict;
	return forward_by_fib6(context, ethernet, ipv6);
}
