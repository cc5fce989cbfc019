/* SPDX-License-Identifier: MIT */
/* TCP states of connections in an LRU table. Deterministic while the table does not evict. */
#include "packet.h"

enum state { CLOSED, OPENING, OPEN, CLOSING };

struct flow {
	__be32 source, destination;
	__be16 source_port, destination_port;
	__u8 protocol;
	__u8 pad[3];
};

struct connection {
	enum state state;
	__u32 flags_seen;
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, struct connection);
} connections SEC(".maps");

static __always_inline enum state advance(enum state state, const struct tcphdr *tcp)
{
	if (tcp->rst)
		return CLOSED;
	if (tcp->syn)
		return OPENING;
	if (tcp->fin)
		return CLOSING;
	return state == OPENING && tcp->ack ? OPEN : state;
}

SEC("xdp")
int track(struct xdp_md *context)
{
	void *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, DATA(context), end, drop);
	if (ethernet->h_proto != bpf_htons(ETH_P_IP))
		return XDP_PASS;
	TAKE(struct iphdr, ipv4, ethernet + 1, end, drop);
	if (ipv4->protocol != IPPROTO_TCP || ipv4->ihl != 5)
		return XDP_PASS;
	TAKE(struct tcphdr, tcp, ipv4 + 1, end, drop);
	struct flow flow = {
		.source = ipv4->saddr,
		.destination = ipv4->daddr,
		.source_port = tcp->source,
		.destination_port = tcp->dest,
		.protocol = ipv4->protocol,
	};
	struct connection *known = bpf_map_lookup_elem(&connections, &flow);
	if (!known) {
		struct connection first = { .state = advance(CLOSED, tcp), .packets = 1 };
		if (first.state != OPENING)
			return XDP_DROP;
		first.bytes = bpf_ntohs(ipv4->tot_len);
		bpf_map_update_elem(&connections, &flow, &first, BPF_ANY);
		return XDP_PASS;
	}
	known->state = advance(known->state, tcp);
	known->flags_seen |= 1u << (((__u8 *)tcp)[13] & 31);
	known->packets++;
	known->bytes += bpf_ntohs(ipv4->tot_len);
	if (known->state == CLOSED)
		bpf_map_delete_elem(&connections, &flow);
	return XDP_PASS;
drop:
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
