/* SPDX-License-Identifier: MIT */
/* Every map type that an XDP program may use, with every member of a definition. */
#include "packet.h"

#define MAP(name, map_type, entries, key_type, value_type)                                         \
	struct {                                                                                   \
		__uint(type, map_type);                                                            \
		__uint(max_entries, entries);                                                      \
		__type(key, key_type);                                                             \
		__type(value, value_type);                                                         \
	} name SEC(".maps")

MAP(hash, BPF_MAP_TYPE_HASH, 8, __u32, __u64);
MAP(array, BPF_MAP_TYPE_ARRAY, 8, __u32, __u64);
MAP(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, 8, __u32, __u64);
MAP(percpu_array, BPF_MAP_TYPE_PERCPU_ARRAY, 8, __u32, __u64);
MAP(lru_hash, BPF_MAP_TYPE_LRU_HASH, 64, __u32, __u64);
MAP(lru_percpu_hash, BPF_MAP_TYPE_LRU_PERCPU_HASH, 64, __u32, __u64);
MAP(devmap, BPF_MAP_TYPE_DEVMAP, 8, __u32, __u32);
MAP(devmap_hash, BPF_MAP_TYPE_DEVMAP_HASH, 8, __u32, struct bpf_devmap_val);
MAP(cpumap, BPF_MAP_TYPE_CPUMAP, 8, __u32, struct bpf_cpumap_val);
MAP(xskmap, BPF_MAP_TYPE_XSKMAP, 8, __u32, __u32);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(value_size, 8);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE);
	__uint(numa_node, 0);
} placed SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 8);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, 8);
	__uint(value_size, 4);
} trie SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u64);
} pinned_by_name SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(value_size, 4);
} programs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} perf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 65536);
} user_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 64);
	__uint(map_extra, 5);
	__type(value, __u32);
} bloom SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__uint(value_size, 4);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 8);
	__uint(value_size, 4);
} stack SEC(".maps");

SEC("xdp")
int touch_maps(struct xdp_md *context)
{
	__u32 key = context->rx_queue_index & 7;
	__u64 one = 1, *value = bpf_map_lookup_elem(&array, &key);
	bpf_map_update_elem(&hash, &key, &one, BPF_ANY);
	bpf_map_update_elem(&percpu_hash, &key, &one, BPF_ANY);
	bpf_map_update_elem(&lru_hash, &key, &one, BPF_ANY);
	bpf_map_update_elem(&lru_percpu_hash, &key, &one, BPF_ANY);
	bpf_map_update_elem(&placed, &key, &one, BPF_ANY);
	return value && *value ? bpf_redirect_map(&cpumap, key, XDP_PASS) : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
