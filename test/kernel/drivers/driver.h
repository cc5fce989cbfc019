/* SPDX-License-Identifier: MIT */
/* What the drivers share: parameters and results in maps, so that a packet stays what the program under test sees. */
#pragma once
#include "../../objects/packet.h"

struct parameters {
	__u64 word[8];
	__u8 bytes[512];
};

struct results {
	__s64 word[16];
	__u8 bytes[512];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct parameters);
} parameters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct results);
} results SEC(".maps");

#define BEGIN                                                                                      \
	__u32 zero = 0;                                                                            \
	struct parameters *in = bpf_map_lookup_elem(&parameters, &zero);                           \
	struct results *out = bpf_map_lookup_elem(&results, &zero);                                \
	if (!in || !out)                                                                           \
		return XDP_ABORTED

/* Keeps the compiler from knowing a value that the verifier must see bounded. */
#define BOUND(value, mask) ({ __u64 bounded = (value); asm volatile("" : "+r"(bounded)); bounded & (mask); })
