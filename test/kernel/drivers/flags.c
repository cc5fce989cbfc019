/* SPDX-License-Identifier: MIT */
/* Every helper that takes flags, with the flags of word 1; word 0 says which, words 2 and 3 are its other arguments. */
#include "driver.h"

#define MAP(NAME, TYPE, FLAGS, ENTRIES)                                                            \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_##TYPE);                                                 \
		__uint(map_flags, FLAGS);                                                          \
		__uint(max_entries, ENTRIES);                                                      \
		__type(key, __u64);                                                                \
		__type(value, __u64);                                                              \
	} NAME SEC(".maps")
#define INDEXED(NAME, TYPE, VALUE)                                                                 \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_##TYPE);                                                 \
		__uint(max_entries, 4);                                                            \
		__type(key, __u32);                                                                \
		__type(value, VALUE);                                                              \
	} NAME SEC(".maps")
#define UNKEYED(NAME, TYPE)                                                                        \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_##TYPE);                                                 \
		__uint(max_entries, 4);                                                            \
		__type(value, __u64);                                                              \
	} NAME SEC(".maps")
#define BUFFER(NAME, TYPE)                                                                         \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_##TYPE);                                                 \
		__uint(max_entries, 4096);                                                         \
	} NAME SEC(".maps")

struct locked {
	__u32 before;
	struct bpf_spin_lock lock;
	__u64 after;
};

MAP(hash, HASH, 0, 4);
MAP(per_cpu_hash, PERCPU_HASH, 0, 4);
MAP(lru, LRU_HASH, 0, 4);
MAP(per_cpu_lru, LRU_PERCPU_HASH, 0, 4);
MAP(trie, LPM_TRIE, BPF_F_NO_PREALLOC, 4);
INDEXED(array, ARRAY, __u64);
INDEXED(per_cpu_array, PERCPU_ARRAY, __u64);
INDEXED(locked_array, ARRAY, struct locked);
INDEXED(locked_hash, HASH, struct locked);
INDEXED(ports, DEVMAP, __u32);
INDEXED(processors, CPUMAP, __u32);
INDEXED(events, PERF_EVENT_ARRAY, __u32);
UNKEYED(queue, QUEUE);
UNKEYED(stack, STACK);
UNKEYED(bloom, BLOOM_FILTER);
BUFFER(ring, RINGBUF);
BUFFER(user_ring, USER_RINGBUF);

static long nothing(void)
{
	return 0;
}

static long each(void *map, __u32 *key, __u64 *value, void *context)
{
	return 0;
}

static long sample(struct bpf_dynptr *pointer, void *context)
{
	return 0;
}

static __u64 area;

static __always_inline long perform(struct xdp_md *context, struct parameters *in)
{
	__u64 flags = in->word[1], key = in->word[2], value = in->word[3];
	__u32 index = key, length = 0;
	struct locked locked = {.before = value, .after = value};
	struct bpf_fib_lookup route = {};
	struct bpf_dynptr pointer;
	void *record;
	long result;

	switch (in->word[0]) {
	case 0: return bpf_map_update_elem(&hash, &key, &value, flags);
	case 1: return bpf_map_update_elem(&per_cpu_hash, &key, &value, flags);
	case 2: return bpf_map_update_elem(&lru, &key, &value, flags);
	case 3: return bpf_map_update_elem(&per_cpu_lru, &key, &value, flags);
	case 4: return bpf_map_update_elem(&trie, &key, &value, flags);
	case 5: return bpf_map_update_elem(&array, &index, &value, flags);
	case 6: return bpf_map_update_elem(&per_cpu_array, &index, &value, flags);
	case 7: return bpf_map_update_elem(&locked_array, &index, &locked, flags);
	case 8: return bpf_map_update_elem(&locked_hash, &index, &locked, flags);
	case 9: return bpf_map_push_elem(&queue, &value, flags);
	case 10: return bpf_map_push_elem(&stack, &value, flags);
	case 11: return bpf_map_push_elem(&bloom, &value, flags);
	case 12: return bpf_ringbuf_output(&ring, &value, 8, flags);
	case 13:
		record = bpf_ringbuf_reserve(&ring, 8, flags);
		if (record)
			bpf_ringbuf_discard(record, 0);
		return record != 0;
	case 14:
		record = bpf_ringbuf_reserve(&ring, 8, 0);
		if (record)
			bpf_ringbuf_discard(record, flags);
		return record != 0;
	case 15: return bpf_ringbuf_query(&ring, flags);
	case 16:
		result = bpf_ringbuf_reserve_dynptr(&ring, 8, flags, &pointer);
		bpf_ringbuf_discard_dynptr(&pointer, flags);
		return result;
	case 17: return bpf_dynptr_from_mem(&area, 8, flags, &pointer);
	case 18:
		bpf_dynptr_from_mem(&area, 8, 0, &pointer);
		return bpf_dynptr_write(&pointer, 0, &value, 8, flags);
	case 19:
		bpf_dynptr_from_mem(&area, 8, 0, &pointer);
		return bpf_dynptr_read(&value, 8, &pointer, 0, flags);
	case 20: return bpf_loop(2, nothing, 0, flags);
	case 21: return bpf_for_each_map_elem(&array, each, 0, flags);
	case 22: return bpf_redirect(1, flags);
	case 23: return bpf_redirect_map(&ports, index, flags);
	case 24: return bpf_redirect_map(&processors, index, flags);
	case 25: return bpf_fib_lookup(context, &route, sizeof(route), flags);
	case 26: return bpf_check_mtu(context, 0, &length, 0, flags);
	case 27: return bpf_perf_event_output(context, &events, flags, &value, 8);
	case 28: return bpf_user_ringbuf_drain(&user_ring, sample, 0, flags);
	case 29: return bpf_strtol("12345678", 8, flags, (long *)&key);
	default: return 0;
	}
}

SEC("xdp") int flags(struct xdp_md *context)
{
	BEGIN;
	out->word[0] = perform(context, in);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
