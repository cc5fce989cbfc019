/* SPDX-License-Identifier: MIT */
/* What the test programs share: headers, byte order, the bounds check that the verifier asks for. */
#pragma once
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET_NUMBER 2
#define AF_INET6_NUMBER 10

/* linux/icmp.h needs a C library. */
#define ICMP_ECHOREPLY 0
#define ICMP_ECHO 8
struct icmphdr {
	__u8 type, code;
	__be16 checksum;
	__be16 identifier, sequence;
};

struct vlan_tag {
	__be16 control;
	__be16 inner_type;
};

/* The place of a `type` at `at`, or a jump to `label` when the packet ends before. */
#define TAKE(type, name, at, end, label)                                                           \
	type *name = (void *)(at);                                                                 \
	if ((void *)(name + 1) > (end))                                                            \
		goto label

#define DATA(context) ((void *)(long)(context)->data)
#define DATA_END(context) ((void *)(long)(context)->data_end)

static __always_inline __u16 fold_checksum(__u64 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static __always_inline void swap_addresses(struct ethhdr *ethernet)
{
	__u8 kept[ETH_ALEN];
	__builtin_memcpy(kept, ethernet->h_source, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, kept, ETH_ALEN);
}
