/* SPDX-License-Identifier: MIT */
/* Probing reads, dynamic pointers, ring buffers, loops, queues, per-CPU look-ups. */
#include "driver.h"

#define FLAGS_OF_DYNPTR in->word[5]

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u64);
} table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 24);
	__type(key, __u32);
	__type(value, __u64);
} cells SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u32);
} samples SEC(".maps");

SEC("xdp")
int probe(struct xdp_md *context)
{
	BEGIN;
	__u64 size = BOUND(in->word[1], 63);
	const void *from = (void *)(long)in->word[0];
	if (in->word[2])
		from = in->bytes + BOUND(in->word[0], 255);
	__builtin_memset(out->bytes, 0xaa, 256);
	switch (in->word[3]) {
	case 0: out->word[0] = bpf_probe_read_kernel(out->bytes, size, from); break;
	case 1: out->word[0] = bpf_probe_read_kernel_str(out->bytes, size, from); break;
	case 2: out->word[0] = bpf_probe_read_user(out->bytes, size, from); break;
	default: out->word[0] = bpf_probe_read_user_str(out->bytes, size, from); break;
	}
	return XDP_PASS;
}

SEC("xdp")
int dynamic(struct xdp_md *context)
{
	BEGIN;
	struct bpf_dynptr pointer;
	__u8 local[16];
	__u64 size = BOUND(in->word[0], 255);
	__u32 offset = in->word[1], length = BOUND(in->word[2], 15);
	__builtin_memcpy(local, in->bytes + 256, 16);
	out->word[0] = bpf_dynptr_from_mem(in->bytes, size, in->word[3], &pointer);
	out->word[1] = bpf_dynptr_write(&pointer, offset, local, length, in->word[4]);
	out->word[2] = bpf_dynptr_read(local, length, &pointer, in->word[6], FLAGS_OF_DYNPTR);
	__builtin_memcpy(out->bytes, local, 16);
	__u8 *piece = bpf_dynptr_data(&pointer, in->word[6], 8);
	out->word[3] = piece ? piece[7] : -1;
	if (piece)
		piece[0] = 0x5a;
	return XDP_PASS;
}

SEC("xdp")
int ring_use(struct xdp_md *context)
{
	BEGIN;
	__u64 size = BOUND(in->word[1], 511);
	__u8 *record;
	switch (in->word[0]) {
	case 0:
		out->word[0] = bpf_ringbuf_output(&ring, in->bytes, size, in->word[2]);
		break;
	case 1:
		record = bpf_ringbuf_reserve(&ring, 40, in->word[2]);
		out->word[0] = !!record;
		if (record) {
			__builtin_memcpy(record, in->bytes, 40);
			bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
		}
		break;
	case 2:
		record = bpf_ringbuf_reserve(&ring, 1000, 0);
		out->word[0] = !!record;
		if (record)
			bpf_ringbuf_discard(record, 0);
		break;
	default: {
		struct bpf_dynptr pointer;
		out->word[0] = bpf_ringbuf_reserve_dynptr(&ring, (__u32)in->word[1], in->word[2], &pointer);
		out->word[1] = bpf_dynptr_write(&pointer, 2, in->bytes, 6, 0);
		if (in->word[3])
			bpf_ringbuf_submit_dynptr(&pointer, BPF_RB_NO_WAKEUP);
		else
			bpf_ringbuf_discard_dynptr(&pointer, 0);
	}
	}
	for (int i = 0; i < 6; i++)
		out->word[2 + i] = bpf_ringbuf_query(&ring, i);
	return XDP_PASS;
}

struct walk {
	__u64 sum, limit, victim, calls;
};

static long step(__u64 index, struct walk *walk)
{
	walk->sum += index;
	walk->calls++;
	return walk->calls == walk->limit;
}

static long visit(void *map, __u32 *key, __u64 *value, struct walk *walk)
{
	walk->sum += *value * 3 + *key;
	walk->calls++;
	/* A walk may delete what it stands on. */
	if (*key % 3 == walk->victim)
		bpf_map_delete_elem(&table, key);
	return walk->calls == walk->limit;
}

static long look(void *map, __u32 *key, __u64 *value, struct walk *walk)
{
	walk->sum += *value * 3 + *key;
	walk->calls++;
	return walk->calls == walk->limit;
}

static long add_value(void *map, __u32 *key, __u64 *value, struct walk *walk)
{
	walk->sum += *value;
	return 0;
}

static long nest(void *map, __u32 *key, __u64 *value, struct walk *walk)
{
	struct walk inner = {};
	bpf_for_each_map_elem(&cells, add_value, &inner, 0);
	/* The key is still the outer walk's. */
	walk->sum += inner.sum * (*key + 1);
	return 0;
}

SEC("xdp")
int walk(struct xdp_md *context)
{
	BEGIN;
	struct walk state = { .limit = in->word[2], .victim = in->word[3] };
	__u64 flags = in->word[1];
	switch (in->word[4]) {
	case 0: out->word[0] = bpf_loop(in->word[0], step, &state, flags); break;
	case 1: out->word[0] = bpf_for_each_map_elem(&table, visit, &state, flags); break;
	case 2: out->word[0] = bpf_for_each_map_elem(&cells, look, &state, flags); break;
	case 3: out->word[0] = bpf_for_each_map_elem(&counters, look, &state, flags); break;
	default: out->word[0] = bpf_for_each_map_elem(&cells, nest, &state, flags); break;
	}
	out->word[1] = state.sum;
	out->word[2] = state.calls;
	return XDP_PASS;
}

SEC("xdp")
int sample(struct xdp_md *context)
{
	BEGIN;
	__u64 size = BOUND(in->word[1], 63);
	out->word[0] = bpf_perf_event_output(context, &samples, in->word[0], in->bytes, size + 1);
	__u32 key = in->word[2];
	__u64 *cell = bpf_map_lookup_percpu_elem(&counters, &key, in->word[3]);
	out->word[1] = cell ? *cell : -1;
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
