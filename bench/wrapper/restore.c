/* SPDX-License-Identifier: MIT */
/*
 * Lets one packet be run through a program again and again (bench/kernel-timing.ts): BPF_PROG_TEST_RUN does not undo
 * what a program did to the packet. This one does: front, length, bytes; then it jumps to the program under test.
 *
 * Where the front was is remembered as its distance from the context, which stays where it is during one system call.
 * Every step is taken in every run, also where nothing has to be undone, so that its cost can be subtracted.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define MOST 2048

struct template {
	__u64 front; /* 0: not known yet */
	__u32 length; /* bytes */
	__u32 random_at; /* where a number in network order is written, other in every run; 0: nowhere */
	__u32 random_count; /* it is 1 to this */
	__u32 spare;
	__u8 bytes[MOST];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct template);
} templates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} subject SEC(".maps");

SEC("xdp")
int restore(struct xdp_md *context)
{
	__u32 zero = 0;
	struct template *template = bpf_map_lookup_elem(&templates, &zero);
	if (!template)
		return XDP_ABORTED;
	__u64 front = (__u64)context->data - (__u64)context;
	if (template->front == 0)
		template->front = front;
	if (bpf_xdp_adjust_head(context, template->front - front))
		return XDP_ABORTED;
	__u32 length = template->length;
	if (length == 0 || length > MOST)
		return XDP_ABORTED;
	__u64 have = (__u64)(long)context->data_end - (__u64)(long)context->data;
	asm volatile("" : "+r"(have)); /* 64-bit arithmetic, as pointers need it */
	if (bpf_xdp_adjust_tail(context, length - have))
		return XDP_ABORTED;
	if (bpf_xdp_store_bytes(context, 0, template->bytes, length))
		return XDP_ABORTED;
	__u32 at = template->random_at, count = template->random_count;
	if (at && count) {
		__u32 number = bpf_htonl(bpf_get_prandom_u32() % count + 1);
		if (bpf_xdp_store_bytes(context, at, &number, sizeof number))
			return XDP_ABORTED;
	}
	bpf_tail_call(context, &subject, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int empty(struct xdp_md *context)
{
	return XDP_PASS;
}
