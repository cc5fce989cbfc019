/* SPDX-License-Identifier: MIT */
/* Texts: bpf_snprintf with a format fixed at load, bpf_trace_vprintk with one from a map, comparison, checksums. */
#include "driver.h"

volatile const char format[128] = "%d";
volatile const __u32 values = 1, room = 128;
volatile const char word[16] = "abc";

SEC("xdp")
int print(struct xdp_md *context)
{
	BEGIN;
	__u64 arguments[12];
	for (int i = 0; i < 12; i++)
		arguments[i] = i < 8 ? in->word[i] : i;
	/* Pointers to text and addresses: places that the machine and the kernel both have. */
	if (in->bytes[510])
		arguments[0] = (__u64)(long)in->bytes;
	if (in->bytes[511])
		arguments[1] = (__u64)(long)(in->bytes + 256);
	__u32 count = values, size = room;
	if (count > 12 || size > 512)
		return XDP_ABORTED;
	out->word[0] = bpf_snprintf((char *)out->bytes, size, (const char *)format, arguments, count * 8);
	return XDP_PASS;
}

SEC("xdp")
int trace(struct xdp_md *context)
{
	BEGIN;
	__u64 arguments[12];
	__u64 size = BOUND(in->word[7], 127), length = BOUND(in->word[6], 127);
	for (int i = 0; i < 12; i++)
		arguments[i] = i < 6 ? in->word[i] : i;
	if (in->bytes[510])
		arguments[0] = (__u64)(long)(in->bytes + 128);
	if (length > 96)
		return XDP_ABORTED;
	out->word[0] = bpf_trace_vprintk((const char *)in->bytes, size + 1, arguments, length);
	out->word[1] = bpf_trace_printk((const char *)in->bytes, size + 1, arguments[0], in->word[1], in->word[2]);
	return XDP_PASS;
}

SEC("xdp")
int compare(struct xdp_md *context)
{
	BEGIN;
	out->word[0] = bpf_strncmp((const char *)in->bytes, 16, (const char *)word);
	out->word[1] = bpf_strncmp((const char *)in->bytes, 2, (const char *)word);
	return XDP_PASS;
}

SEC("xdp")
int checksum(struct xdp_md *context)
{
	BEGIN;
	__u64 from = BOUND(in->word[0], 255), to = BOUND(in->word[1], 255);
	out->word[0] = bpf_csum_diff((__be32 *)in->bytes, from, (__be32 *)(in->bytes + 256), to, in->word[2]);
	out->word[1] = bpf_csum_diff(0, 0, (__be32 *)(in->bytes + 256), to, in->word[2]);
	out->word[2] = bpf_csum_diff((__be32 *)in->bytes, from, 0, 0, in->word[2]);
	out->word[3] = bpf_csum_diff(0, 0, 0, 0, in->word[2]);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
