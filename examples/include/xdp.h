/* SPDX-License-Identifier: MIT */
/*
 * What the C twins of the examples share: the headers of src/packet/headers, the walkers of src/lang/walk.xdp.ts, the
 * bounds check that the verifier asks for, and counted verdicts.
 *
 * Invariant: a twin does what its *.xdp.ts does, check by check and byte by byte; test and benchmark compare the two.
 */
#pragma once
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_QINQ 0x88a8

#define PROTOCOL_HOP_BY_HOP 0
#define PROTOCOL_ICMP 1
#define PROTOCOL_IPV4 4
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define PROTOCOL_IPV6 41
#define PROTOCOL_ROUTING 43
#define PROTOCOL_FRAGMENT 44
#define PROTOCOL_ICMPV6 58
#define PROTOCOL_DESTINATION_OPTIONS 60

#define ROUTING_SEGMENT 4
#define PORT_GTPU 2152

/*
 * No packed structs: clang would then move single bytes. XDP machines do unaligned access in hardware, and the verifier
 * asks for alignment only on the stack.
 */
struct mac {
	__u16 part[3];
};

struct ipv6_address {
	__u64 high, low; /* in network order */
};

struct ethernet {
	struct mac destination, source;
	__be16 type;
};

struct vlan_tag {
	__be16 control, type;
};

struct ipv4 {
	__u8 version_ihl, tos;
	__be16 total_length, identification, fragment;
	__u8 ttl, protocol;
	__be16 checksum;
	__be32 source, destination;
};

struct ipv6 {
	__be32 version_class_flow;
	__be16 payload_length;
	__u8 next_header, hop_limit;
	struct ipv6_address source, destination;
};

struct ipv6_extension {
	__u8 next_header, length, body[6];
};

struct segment_routing {
	__u8 next_header, length, type, segments_left, last_entry, flags;
	__be16 tag;
};

struct udp {
	__be16 source, destination, length, checksum;
};

struct tcp {
	__be16 source, destination;
	__be32 sequence, acknowledgement;
	__u8 offset, flags;
	__be16 window, checksum, urgent;
};

struct icmp {
	__u8 type, code;
	__be16 checksum;
	__be32 rest;
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define FRAGMENT_MORE 0x2000
#define FRAGMENT_OFFSET 0x1fff

#define DATA(context) ((void *)(long)(context)->data)
#define DATA_END(context) ((void *)(long)(context)->data_end)

/* Whether the thing that `pointer` points at lies in the packet. */
#define FITS(pointer, end) ((void *)((pointer) + 1) <= (end))

/* Copies a number of bytes that is known here in words as large as fit; the stack is aligned for them. */
static __always_inline void copy_words(void *to, const void *from, const __u32 size)
{
	__u32 at = 0;
#pragma unroll
	for (; at + 8 <= size; at += 8)
		*(__u64 *)(to + at) = *(const __u64 *)(from + at);
	if (at + 4 <= size) {
		*(__u32 *)(to + at) = *(const __u32 *)(from + at);
		at += 4;
	}
	if (at + 2 <= size)
		*(__u16 *)(to + at) = *(const __u16 *)(from + at);
}

/* Whence and whither of a MAC address that begins at a multiple of 4, in packet or map. */
static __always_inline void copy_mac(struct mac *to, const void *from)
{
	copy_words(to, from, sizeof(*to));
}

/* The same for one that begins 2 bytes behind a multiple of 4, on the stack. */
static __always_inline void copy_mac_behind(struct mac *to, const void *from)
{
	*(__u16 *)to = *(const __u16 *)from;
	*(__u32 *)((void *)to + 2) = *(const __u32 *)(from + 2);
}

/* A whole Ethernet header without addresses. */
static __always_inline void write_ethernet(struct ethernet *ethernet, __be16 type)
{
	*(__u64 *)ethernet = 0;
	*(__u32 *)((void *)ethernet + 8) = 0;
	ethernet->type = type;
}

/* Where the walk through a packet stands: both ends of it, and the position. */
struct cursor {
	void *data, *end, *at;
};

static __always_inline struct cursor cursor_of(struct xdp_md *context)
{
	return (struct cursor){ DATA(context), DATA_END(context), DATA(context) };
}

static __always_inline __u32 offset_of(const struct cursor *cursor)
{
	return cursor->at - cursor->data;
}

/* The place of a `type` at the cursor, which advances; NULL when the packet ends before. */
#define TAKE(type, cursor)                                                                         \
	({                                                                                         \
		type *place = (cursor)->at;                                                        \
		if (FITS(place, (cursor)->end))                                                    \
			(cursor)->at = place + 1;                                                  \
		else                                                                               \
			place = NULL;                                                              \
		place;                                                                             \
	})

/* The same without advancing. */
#define PEEK(type, cursor)                                                                         \
	({                                                                                         \
		type *place = (cursor)->at;                                                        \
		FITS(place, (cursor)->end) ? place : NULL;                                         \
	})

#ifndef NULL
#define NULL ((void *)0)
#endif

/* Ethernet and at most two VLAN tags; false when the packet is too short. `type` is in network order. */
static __always_inline bool take_link(struct cursor *cursor, struct ethernet **ethernet, __be16 *type)
{
	struct ethernet *link = TAKE(struct ethernet, cursor);
	if (!link)
		return false;
	*ethernet = link;
	*type = link->type;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		if (*type != bpf_htons(ETHERTYPE_VLAN) && *type != bpf_htons(ETHERTYPE_QINQ))
			break;
		struct vlan_tag *tag = TAKE(struct vlan_tag, cursor);
		if (!tag)
			return false;
		*type = tag->type;
	}
	return true;
}

static __always_inline __u32 extension_bytes(__u8 length)
{
	return ((__u32)length + 1) << 3;
}

/* Steps over Hop-by-Hop and Destination Options, at most `limit`; the protocol after them, or -1 when truncated. */
static __always_inline int skip_options(struct cursor *cursor, __u8 next_header, int limit)
{
	__u8 protocol = next_header;
#pragma unroll
	for (int i = 0; i < limit; i++) {
		if (protocol != PROTOCOL_HOP_BY_HOP && protocol != PROTOCOL_DESTINATION_OPTIONS)
			break;
		struct ipv6_extension *extension = PEEK(struct ipv6_extension, cursor);
		if (!extension)
			return -1;
		protocol = extension->next_header;
		cursor->at += extension_bytes(extension->length);
	}
	return protocol;
}

/* Counters of named outcomes, as `new Outcomes([...])` declares them. */
#define OUTCOMES(name, count)                                                                      \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);                                           \
		__uint(max_entries, 1);                                                            \
		__type(key, __u32);                                                                \
		__type(value, __u64[count]);                                                       \
	} name SEC(".maps")

static __always_inline void add_one(void *counters, __u32 index)
{
	__u32 key = 0;
	__u64 *counts = bpf_map_lookup_elem(counters, &key);
	if (counts)
		counts[index] += 1;
}

/* Counts and gives the verdict. */
static __always_inline int counted(void *counters, __u32 index, int verdict)
{
	add_one(counters, index);
	return verdict;
}

/* Sets the packet's length; false when it cannot. */
static __always_inline bool set_length(struct xdp_md *context, __u32 have, __u32 length)
{
	return have == length || bpf_xdp_adjust_tail(context, (int)length - (int)have) == 0;
}

/* Puts `size` bytes in place of the first `removed`; the new front, or NULL. */
static __always_inline void *replace_head(struct xdp_md *context, __u32 removed, __u32 size)
{
	if (bpf_xdp_adjust_head(context, (int)removed - (int)size))
		return NULL;
	void *front = DATA(context);
	return front + size <= DATA_END(context) ? front : NULL;
}

/* The Internet checksum of a sum of 16-bit words (RFC 1071). */
static __always_inline __u16 finish_checksum(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

/* RFC 1624, equation 3, for a 32-bit word; everything in network order. */
static __always_inline __u16 replace_word(__u16 checksum, __be32 from, __be32 to)
{
	__u32 sum = (__u16)~checksum;
	sum += (__u16)~from + (__u16)(~from >> 16);
	sum += (to & 0xffff) + (to >> 16);
	return finish_checksum(sum);
}

/* The same for a 16-bit word. */
static __always_inline __u16 replace_half(__u16 checksum, __be16 from, __be16 to)
{
	return finish_checksum((__u32)(__u16)~checksum + (__u16)~from + to);
}

/* Over an IPv4 header of 20 bytes whose checksum field is zero. */
static __always_inline __u16 ipv4_checksum(const struct ipv4 *ip)
{
	const __u16 *word = (const void *)ip;
	__u32 sum = 0;
#pragma unroll
	for (int i = 0; i < 10; i++)
		sum += word[i];
	return finish_checksum(sum);
}
