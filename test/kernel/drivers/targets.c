/* SPDX-License-Identifier: MIT */
/* Redirects by every map, and tail calls that count themselves. */
#include "driver.h"

#define TARGETS(name, kind, size)                                                                  \
	struct {                                                                                   \
		__uint(type, kind);                                                                \
		__uint(max_entries, size);                                                         \
		__type(key, __u32);                                                                \
		__type(value, __u32);                                                              \
	} name SEC(".maps")

TARGETS(ports, BPF_MAP_TYPE_DEVMAP, 8);
TARGETS(hashed_ports, BPF_MAP_TYPE_DEVMAP_HASH, 8);
TARGETS(cpus, BPF_MAP_TYPE_CPUMAP, 2);
TARGETS(sockets, BPF_MAP_TYPE_XSKMAP, 4);
TARGETS(programs, BPF_MAP_TYPE_PROG_ARRAY, 4);

SEC("xdp")
int redirect(struct xdp_md *context)
{
	BEGIN;
	__u64 key = in->word[0], flags = in->word[1];
	switch (in->word[2]) {
	case 0: out->word[0] = bpf_redirect(key, flags); break;
	case 1: out->word[0] = bpf_redirect_map(&ports, key, flags); break;
	case 2: out->word[0] = bpf_redirect_map(&hashed_ports, key, flags); break;
	case 3: out->word[0] = bpf_redirect_map(&cpus, key, flags); break;
	default: out->word[0] = bpf_redirect_map(&sockets, key, flags); break;
	}
	return XDP_PASS;
}

SEC("xdp")
int again(struct xdp_md *context)
{
	BEGIN;
	out->word[0]++;
	bpf_tail_call(context, &programs, in->word[0]);
	out->word[1]++;
	return XDP_TX;
}

static __noinline int inner(struct xdp_md *context, __u32 slot)
{
	bpf_tail_call(context, &programs, slot);
	return 77;
}

SEC("xdp")
int from_function(struct xdp_md *context)
{
	BEGIN;
	out->word[0]++;
	int first_answer = inner(context, in->word[1]);
	int second_answer = inner(context, in->word[2]);
	out->word[2] += first_answer;
	out->word[3] += second_answer;
	return XDP_DROP;
}

static __noinline int add(struct results *out, __u64 number)
{
	return out ? out->word[4] += number : 0;
}

SEC("xdp")
int with_functions(struct xdp_md *context)
{
	BEGIN;
	add(out, 5);
	bpf_tail_call(context, &programs, in->word[3]);
	return add(out, 7) & 1 ? 3 : 2;
}

char _license[] SEC("license") = "Dual MIT/GPL";
