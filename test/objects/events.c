/* SPDX-License-Identifier: MIT */
/* Events in a ring buffer, once reserved in place, once copied. Deterministic while the ring has room. */
#include "packet.h"

struct event {
	__u32 length;
	__be16 type;
	__u8 source[ETH_ALEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096 * 64);
} events SEC(".maps");

/* Forces struct event into BTF for readers of the ring. */
const struct event *unused_event __attribute__((unused));

__u64 lost;

SEC("xdp")
int reserve_event(struct xdp_md *context)
{
	void *data = DATA(context), *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, data, end, pass);
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&lost, 1);
		goto pass;
	}
	event->length = end - data;
	event->type = ethernet->h_proto;
	__builtin_memcpy(event->source, ethernet->h_source, ETH_ALEN);
	if (ethernet->h_proto == bpf_htons(ETH_P_ARP)) {
		bpf_ringbuf_discard(event, 0);
		return XDP_DROP;
	}
	bpf_ringbuf_submit(event, 0);
pass:
	return XDP_PASS;
}

SEC("xdp")
int copy_event(struct xdp_md *context)
{
	void *data = DATA(context), *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, data, end, pass);
	struct event event = { .length = end - data, .type = ethernet->h_proto };
	__builtin_memcpy(event.source, ethernet->h_source, ETH_ALEN);
	if (bpf_ringbuf_output(&events, &event, sizeof(event), BPF_RB_NO_WAKEUP))
		__sync_fetch_and_add(&lost, 1);
pass:
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
