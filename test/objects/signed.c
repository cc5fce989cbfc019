/* SPDX-License-Identifier: MIT */
/* What -mcpu=v4 added: signed division, sign extension in moves and loads, unconditional swaps, gotol. Deterministic. */
#include "packet.h"

struct words {
	__s64 a, b;
	__s32 c, d;
	__s16 e, f;
	__s8 g, h;
};

SEC("xdp")
int divide(struct xdp_md *context)
{
	TAKE(struct words, in, DATA(context), DATA_END(context), pass);
	__s64 a = in->a, b = in->b;
	__s32 c = in->c, d = in->d;
	__s64 wide = (b ? a / b : a) + (b ? a % b : a) + in->g + in->e;
	__s32 narrow = (d ? c / d : c) + (d ? c % d : c) + in->h;
	wide += a / -7 + a % 13 + (__s8)narrow + (__s16)wide + (__s32)a;
	narrow = c / -9 + c % 11 - narrow + (__s8)c + (__s16)d;
	in->b = __builtin_bswap64(wide);
	in->d = __builtin_bswap32(narrow);
	in->f = __builtin_bswap16(in->f);
	*(__u8 *)&in->g = 7;
	return in->e < 0 ? XDP_TX : XDP_PASS;
pass:
	return XDP_PASS;
}

/* The long jump over the rest. */
SEC("xdp")
__attribute__((naked)) int far(void)
{
	asm volatile("r2 = *(u32 *)(r1 + 16);"
		     "r0 = 2;"
		     "if r2 == 0 goto 2f;"
		     "gotol 1f;"
		     "2: r0 = 1;"
		     "1: exit;");
}

char _license[] SEC("license") = "Dual MIT/GPL";
