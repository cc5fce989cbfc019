/* SPDX-License-Identifier: MIT */
/* Mistakes of the trade: the verifier refuses each of these programs, at the line that says so. */
#include "../packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 16);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u8[16]);
	__uint(max_entries, 1);
} table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct locked {
	struct bpf_spin_lock lock;
	__u64 value;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct locked);
	__uint(max_entries, 1);
} guarded SEC(".maps");

SEC("xdp")
int no_check(struct xdp_md *context)
{
	struct ethhdr *ethernet = DATA(context);
	return ethernet->h_proto == bpf_htons(ETH_P_IP) ? XDP_PASS : XDP_DROP; /* refused */
}

SEC("xdp")
int short_check(struct xdp_md *context)
{
	void *end = DATA_END(context);
	struct ethhdr *ethernet = DATA(context);
	if ((void *)(ethernet + 1) > end)
		return XDP_PASS;
	struct iphdr *ip = (void *)(ethernet + 1);
	return ip->ttl > 1 ? XDP_PASS : XDP_DROP; /* refused */
}

SEC("xdp")
int no_null_test(struct xdp_md *context)
{
	__u32 key = context->rx_queue_index;
	__u64 *count = bpf_map_lookup_elem(&counts, &key);
	*count += 1; /* refused */
	return XDP_PASS;
}

SEC("xdp")
int long_index(struct xdp_md *context)
{
	__u32 zero = 0, index = context->rx_queue_index & 31;
	__u8 *bytes = bpf_map_lookup_elem(&table, &zero);
	if (!bytes)
		return XDP_ABORTED;
	return bytes[index] ? XDP_PASS : XDP_DROP; /* refused */
}

SEC("xdp")
int stale_pointer(struct xdp_md *context)
{
	void *end = DATA_END(context);
	struct ethhdr *ethernet = DATA(context);
	if ((void *)(ethernet + 1) > end)
		return XDP_PASS;
	if (bpf_xdp_adjust_head(context, -4))
		return XDP_ABORTED;
	ethernet->h_proto = bpf_htons(ETH_P_8021Q); /* refused */
	return XDP_TX;
}

SEC("xdp")
int kept_record(struct xdp_md *context)
{
	__u32 *record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);
	if (!record)
		return XDP_PASS;
	*record = context->ingress_ifindex;
	return XDP_PASS; /* refused */
}

SEC("xdp")
int call_under_lock(struct xdp_md *context)
{
	__u32 zero = 0;
	struct locked *one = bpf_map_lookup_elem(&guarded, &zero);
	if (!one)
		return XDP_ABORTED;
	bpf_spin_lock(&one->lock);
	one->value = bpf_ktime_get_ns(); /* refused */
	bpf_spin_unlock(&one->lock);
	return XDP_PASS;
}

static __attribute__((noinline)) int first_byte(__u8 *at)
{
	return *at; /* refused, from in_callee */
}

SEC("xdp")
int in_callee(struct xdp_md *context)
{
	return first_byte(DATA(context)) ? XDP_PASS : XDP_DROP;
}
