/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * An edge router's first look at a packet, in one XDP program:
 *
 *   answers pings itself (XDP_TX), hands GTP-U and SRv6 to their ports (XDP_REDIRECT), drops what is malformed, on the
 *   deny list or a fragment of a tunnel (XDP_DROP), and leaves the rest to the kernel (XDP_PASS).
 *
 * Every packet is counted under the reason for its verdict. Compile: see build.sh.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum reason {
	REASON_TRUNCATED,
	REASON_BAD_HEADER,
	REASON_DENIED,
	REASON_FRAGMENT,
	REASON_NOT_IP,
	REASON_CONTROL,
	REASON_PING_ANSWERED,
	REASON_GTP_U,
	REASON_SRV6,
	REASON_OTHER,
	REASONS,
};

struct count {
	__u64 packets;
	__u64 bytes;
};

/* Keyed by the enum, so that tools print the reasons' names. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, REASONS);
	__type(key, enum reason);
	__type(value, struct count);
} reasons SEC(".maps");

struct prefix {
	__u32 length;
	__u8 address[4];
};

/* IPv4 sources that nobody wants to hear from. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1024);
	__type(key, struct prefix);
	__type(value, __u64);
} denied SEC(".maps");

/* The port of the mobile user plane. */
const volatile __u32 gtp_port = 2;
/* The port of the SRv6 domain. */
const volatile __u32 srv6_port = 3;

struct vlan_tag {
	__be16 control;
	__be16 type;
};

struct echo {
	__u8 type;
	__u8 code;
	__be16 checksum;
};

struct routing {
	__u8 next, length, type, segments_left, last_entry, flags;
	__be16 tag;
};

static __always_inline int finish(struct xdp_md *context, enum reason reason, int verdict)
{
	struct count *count = bpf_map_lookup_elem(&reasons, &reason);
	if (!count) {
		struct count none = {};
		bpf_map_update_elem(&reasons, &reason, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&reasons, &reason);
	}
	if (count) {
		count->packets++;
		count->bytes += context->data_end - context->data;
	}
	return verdict;
}

static __always_inline void swap_ethernet(struct ethhdr *ethernet)
{
	__u8 kept[ETH_ALEN];
	__builtin_memcpy(kept, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, kept, ETH_ALEN);
}

/* Request (8) becomes reply (0): the checksum grows by what the type lost (RFC 1624). */
static __always_inline void answer_ping(struct ethhdr *ethernet, struct iphdr *ipv4, struct echo *echo)
{
	__u32 sum = echo->checksum + bpf_htons(0x0800);
	echo->checksum = sum + (sum >> 16);
	echo->type = 0;
	__be32 source = ipv4->saddr;
	ipv4->saddr = ipv4->daddr;
	ipv4->daddr = source;
	swap_ethernet(ethernet);
}

static __always_inline int see_ipv4(struct xdp_md *context, void *at, void *end)
{
	struct ethhdr *ethernet = (void *)(long)context->data;
	struct iphdr *ipv4 = at;
	if ((void *)(ethernet + 1) > end || (void *)(ipv4 + 1) > end)
		return finish(context, REASON_TRUNCATED, XDP_DROP);
	if (ipv4->version != 4 || ipv4->ihl < 5 || bpf_ntohs(ipv4->tot_len) < ipv4->ihl * 4 ||
	    bpf_ntohs(ipv4->tot_len) > end - at)
		return finish(context, REASON_BAD_HEADER, XDP_DROP);

	struct prefix source = { .length = 32 };
	__builtin_memcpy(source.address, &ipv4->saddr, sizeof(source.address));
	__u64 *hits = bpf_map_lookup_elem(&denied, &source);
	if (hits) {
		__sync_fetch_and_add(hits, 1);
		return finish(context, REASON_DENIED, XDP_DROP);
	}
	if (ipv4->ihl != 5)
		return finish(context, REASON_OTHER, XDP_PASS);

	if (ipv4->frag_off & bpf_htons(0x3fff))
		return finish(context, REASON_FRAGMENT, ipv4->protocol == IPPROTO_UDP ? XDP_DROP : XDP_PASS);
	if (ipv4->protocol == IPPROTO_ICMP) {
		struct echo *echo = (void *)(ipv4 + 1);
		if ((void *)(echo + 1) > end)
			return finish(context, REASON_TRUNCATED, XDP_DROP);
		if (echo->type != 8)
			return finish(context, REASON_CONTROL, XDP_PASS);
		answer_ping(ethernet, ipv4, echo);
		return finish(context, REASON_PING_ANSWERED, XDP_TX);
	}
	if (ipv4->protocol == IPPROTO_UDP) {
		struct udphdr *udp = (void *)(ipv4 + 1);
		if ((void *)(udp + 1) > end)
			return finish(context, REASON_TRUNCATED, XDP_DROP);
		if (udp->dest == bpf_htons(2152))
			return finish(context, REASON_GTP_U, bpf_redirect(gtp_port, 0));
	}
	return finish(context, REASON_OTHER, XDP_PASS);
}

static __always_inline int see_ipv6(struct xdp_md *context, void *at, void *end)
{
	struct ipv6hdr *ipv6 = at;
	if ((void *)(ipv6 + 1) > end)
		return finish(context, REASON_TRUNCATED, XDP_DROP);
	if (ipv6->version != 6 || bpf_ntohs(ipv6->payload_len) > end - (void *)(ipv6 + 1))
		return finish(context, REASON_BAD_HEADER, XDP_DROP);
	if (ipv6->nexthdr == IPPROTO_ICMPV6)
		return finish(context, REASON_CONTROL, XDP_PASS);
	if (ipv6->nexthdr != IPPROTO_ROUTING)
		return finish(context, REASON_OTHER, XDP_PASS);

	struct routing *routing = (void *)(ipv6 + 1);
	if ((void *)(routing + 1) > end)
		return finish(context, REASON_TRUNCATED, XDP_DROP);
	/* RFC 8754 section 2: what the header says of its segments must fit into its length. */
	if (routing->type != 4 || routing->last_entry * 2 + 2 > routing->length ||
	    routing->segments_left > routing->last_entry)
		return finish(context, REASON_BAD_HEADER, XDP_DROP);
	return finish(context, REASON_SRV6, bpf_redirect(srv6_port, 0));
}

SEC("xdp")
int edge(struct xdp_md *context)
{
	void *end = (void *)(long)context->data_end;
	struct ethhdr *ethernet = (void *)(long)context->data;
	if ((void *)(ethernet + 1) > end)
		return finish(context, REASON_TRUNCATED, XDP_DROP);

	void *at = ethernet + 1;
	__be16 type = ethernet->h_proto;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		struct vlan_tag *tag = at;
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > end)
			return finish(context, REASON_TRUNCATED, XDP_DROP);
		type = tag->type;
		at = tag + 1;
	}
	if (type == bpf_htons(ETH_P_IP))
		return see_ipv4(context, at, end);
	if (type == bpf_htons(ETH_P_IPV6))
		return see_ipv6(context, at, end);
	return finish(context, REASON_NOT_IP, XDP_PASS);
}

char _license[] SEC("license") = "Dual MIT/GPL";
