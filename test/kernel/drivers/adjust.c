/* SPDX-License-Identifier: MIT */
/* Performs the list of adjustments that stands in `commands`, and tells after each what the packet is. */
#include "driver.h"

#define COMMANDS 12
#define CHUNK 4096

enum { HEAD = 1, TAIL, META, LOAD, STORE, TOUCH };

struct command {
	__u32 operation;
	__s32 number;
	__u32 length;
	__u32 fill;
};

struct state {
	__s64 result;
	__u32 linear, metadata, total, first;
	__u32 ingress, queue;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COMMANDS);
	__type(key, __u32);
	__type(value, struct command);
} commands SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COMMANDS);
	__type(key, __u32);
	__type(value, struct state);
} states SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COMMANDS);
	__type(key, __u32);
	__type(value, __u8[CHUNK]);
} chunks SEC(".maps");

static __noinline long touch(struct xdp_md *context, __u32 fill)
{
	__u8 *data = DATA(context), *end = DATA_END(context), *meta = (void *)(long)context->data_meta;
	if (data + 14 > end)
		return -1;
	data[0] = fill;
	data[13] = fill >> 8;
	if (meta + 4 <= data)
		*(__u32 *)meta = fill;
	return data[1];
}

static __always_inline int perform(struct xdp_md *context)
{
	for (__u32 i = 0; i < COMMANDS; i++) {
		__u32 at = i;
		struct command *command = bpf_map_lookup_elem(&commands, &at);
		struct state *state = bpf_map_lookup_elem(&states, &at);
		__u8 *chunk = bpf_map_lookup_elem(&chunks, &at);
		if (!command || !state || !chunk)
			return XDP_ABORTED;
		__u64 length = BOUND(command->length, 0x1fff);
		long result = 0;
		/* Compared as 64 bits, so that the verifier knows the register that the helper gets. */
		if (length < 1 || length > CHUNK)
			return XDP_ABORTED;
		switch (command->operation) {
		case HEAD: result = bpf_xdp_adjust_head(context, command->number); break;
		case TAIL: result = bpf_xdp_adjust_tail(context, command->number); break;
		case META: result = bpf_xdp_adjust_meta(context, command->number); break;
		case LOAD: result = bpf_xdp_load_bytes(context, command->number, chunk, length); break;
		case STORE: result = bpf_xdp_store_bytes(context, command->number, chunk, length); break;
		case TOUCH: result = touch(context, command->fill); break;
		default: return XDP_PASS;
		}
		state->result = result;
		state->linear = context->data_end - context->data;
		state->metadata = context->data - context->data_meta;
		state->total = bpf_xdp_get_buff_len(context);
		state->ingress = context->ingress_ifindex;
		state->queue = context->rx_queue_index;
	}
	return XDP_PASS;
}

SEC("xdp")
int adjust(struct xdp_md *context)
{
	return perform(context);
}

SEC("xdp.frags")
int adjust_fragments(struct xdp_md *context)
{
	return perform(context);
}

char _license[] SEC("license") = "Dual MIT/GPL";
