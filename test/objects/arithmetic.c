/* SPDX-License-Identifier: MIT */
/* Arithmetic on the packet's first words, compiled for each -mcpu. Deterministic. */
#include "packet.h"

struct words {
	__u64 a, b;
	__u32 c, d;
};

SEC("xdp")
int calculate(struct xdp_md *context)
{
	TAKE(struct words, in, DATA(context), DATA_END(context), pass);
	__u64 a = in->a, b = in->b;
	__u32 c = in->c, d = in->d;
	__u64 wide = a * b + (a ^ b) - (a | (b & 0x00ff00ff00ff00ffull));
	wide = b ? wide / b + wide % b : wide;
	__u32 narrow = c * d + (c ^ d) - (c | (d & 0xff00ffu));
	narrow = d ? narrow / d + narrow % d : narrow;
	wide += (a << (b & 63)) ^ (b >> (a & 63)) ^ (__u64)((__s64)a >> (c & 63));
	narrow += (c << (d & 31)) ^ (d >> (c & 31)) ^ (__u32)((__s32)c >> (d & 31));
	wide ^= __builtin_bswap64(a) + __builtin_bswap32(c) + __builtin_bswap16((__u16)d);
	if ((__s64)a < (__s64)b)
		wide += 3;
	if ((__s32)c >= (__s32)d)
		narrow -= 5;
	if (a <= b && c > d)
		wide = -wide;
	if (narrow & 0x80000001)
		narrow = ~narrow;
	wide += (__s64)(__s8)a + (__s64)(__s16)b + (__s64)(__s32)c;
	in->a = wide;
	in->c = narrow;
	return wide & 1 ? XDP_TX : XDP_PASS;
pass:
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
