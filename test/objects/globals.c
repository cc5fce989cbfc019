/* SPDX-License-Identifier: MIT */
/* Global data of every section that becomes a map. Deterministic. */
#include "packet.h"

struct settings {
	__u8 verdicts[4];
	__u16 limit;
	__u32 weight;
};

const volatile struct settings settings = { .verdicts = { XDP_PASS, XDP_DROP, XDP_TX, XDP_PASS }, .limit = 1000, .weight = 3 };
static const volatile __u32 table[16] = { 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987 };
__u64 packets = 1;
static volatile __u32 last_length;
__u8 history[64];
__u64 weak_total __attribute__((weak));
__u64 hits SEC(".data.counters") = 7;
const volatile __u32 threshold SEC(".rodata.limits") = 512;

SEC("xdp")
int use_globals(struct xdp_md *context)
{
	static const char names[][5] = { "even", "odd!" };
	__u32 length = DATA_END(context) - DATA(context);
	packets++;
	history[packets & 63] = (__u8)length;
	weak_total += table[length & 15] * settings.weight;
	hits += names[length & 1][packets & 3];
	last_length = length;
	if (length > threshold)
		return XDP_DROP;
	return settings.verdicts[length & 3];
}

char _license[] SEC("license") = "Dual MIT/GPL";
