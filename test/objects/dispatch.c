/* SPDX-License-Identifier: MIT */
/* Tail calls through a table that the object fills. Deterministic. */
#include "packet.h"

int handle_ipv4(struct xdp_md *context);
int handle_ipv6(struct xdp_md *context);
int handle_again(struct xdp_md *context);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 8);
	__uint(key_size, sizeof(__u32));
	__array(values, int(void *));
} handlers SEC(".maps") = {
	.values = {
		[0] = (void *)&handle_ipv4,
		[2] = (void *)&handle_ipv6,
		[3] = (void *)&handle_again,
	},
};

__u32 depth;
__u32 seen[4];

SEC("xdp")
int handle_ipv4(struct xdp_md *context)
{
	seen[0]++;
	return XDP_DROP;
}

SEC("xdp")
int handle_ipv6(struct xdp_md *context)
{
	seen[1]++;
	return XDP_TX;
}

/* Calls itself until the kernel's limit of 33 tail calls ends it. */
SEC("xdp")
int handle_again(struct xdp_md *context)
{
	depth++;
	bpf_tail_call(context, &handlers, 3);
	seen[2]++;
	return XDP_PASS;
}

SEC("xdp")
int dispatch(struct xdp_md *context)
{
	TAKE(struct ethhdr, ethernet, DATA(context), DATA_END(context), pass);
	switch (bpf_ntohs(ethernet->h_proto)) {
	case ETH_P_IP:
		bpf_tail_call(context, &handlers, 0);
		break;
	case ETH_P_IPV6:
		bpf_tail_call(context, &handlers, 2);
		break;
	case ETH_P_ARP:
		bpf_tail_call(context, &handlers, 3);
		break;
	default:
		bpf_tail_call(context, &handlers, bpf_ntohs(ethernet->h_proto) & 7);
	}
	seen[3]++;
pass:
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
