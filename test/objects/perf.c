/* SPDX-License-Identifier: MIT */
/* Samples packets into a perf array. The verdict is deterministic; where the sample goes depends on the CPU. */
#include "packet.h"

struct sample {
	__u32 length;
	__u32 captured;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__uint(max_entries, 0);
} samples SEC(".maps");

const volatile __u32 snap_length = 128;

SEC("xdp")
int sample(struct xdp_md *context)
{
	void *data = DATA(context), *end = DATA_END(context);
	__u32 length = end - data;
	struct sample sample = { .length = length, .captured = length < snap_length ? length : snap_length };
	__u64 flags = BPF_F_CURRENT_CPU | ((__u64)sample.captured << 32);
	bpf_perf_event_output(context, &samples, flags, &sample, sizeof(sample));
	return length > 512 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
