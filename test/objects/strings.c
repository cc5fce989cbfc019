/* SPDX-License-Identifier: MIT */
/* String literals, which clang puts into .rodata.str1.1, and printk. Deterministic. */
#include "packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[16]);
} label SEC(".maps");

SEC("xdp")
int name_packet(struct xdp_md *context)
{
	__u32 zero = 0, length = DATA_END(context) - DATA(context);
	char *text = bpf_map_lookup_elem(&label, &zero);
	if (!text)
		return XDP_ABORTED;
	const char *word = length > 100 ? "large packet" : "small one";
	if (bpf_probe_read_kernel_str(text, 16, word) < 0)
		return XDP_ABORTED;
	if (length == 99)
		bpf_printk("ninety-nine bytes, %d", length);
	return bpf_strncmp(text, 5, "large") ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
