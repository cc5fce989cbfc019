/* SPDX-License-Identifier: MIT */
/* A token bucket per source. Not deterministic: it reads the clock. Its lock makes it one update at a time. */
#include "packet.h"

struct bucket {
	struct bpf_spin_lock lock;
	__u32 drops;
	__u64 tokens;
	__u64 filled_at;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __be32);
	__type(value, struct bucket);
} buckets SEC(".maps");

const volatile __u64 per_second = 1000000;
const volatile __u64 burst = 65536;

SEC("xdp")
int police(struct xdp_md *context)
{
	void *data = DATA(context), *end = DATA_END(context);
	TAKE(struct ethhdr, ethernet, data, end, pass);
	TAKE(struct iphdr, ipv4, ethernet + 1, end, pass);
	if (ethernet->h_proto != bpf_htons(ETH_P_IP))
		goto pass;
	__be32 source = ipv4->saddr;
	__u64 now = bpf_ktime_get_ns(), cost = end - data;
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, &source);
	if (!bucket) {
		struct bucket first = { .tokens = burst, .filled_at = now };
		bpf_map_update_elem(&buckets, &source, &first, BPF_NOEXIST);
		bucket = bpf_map_lookup_elem(&buckets, &source);
		if (!bucket)
			goto pass;
	}
	int verdict = XDP_PASS;
	bpf_spin_lock(&bucket->lock);
	__u64 tokens = bucket->tokens + (now - bucket->filled_at) / 1000 * per_second / 1000000;
	if (tokens > burst)
		tokens = burst;
	bucket->filled_at = now;
	if (tokens < cost) {
		bucket->drops++;
		verdict = XDP_DROP;
	} else {
		tokens -= cost;
	}
	bucket->tokens = tokens;
	bpf_spin_unlock(&bucket->lock);
	return verdict;
pass:
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
