/* SPDX-License-Identifier: MIT */
/* Instructions that C does not reach: legacy packet loads, may_goto, indirect offsets, every condition. */
#include "packet.h"

/* A socket filter: XDP refuses LD_ABS. */
SEC("socket")
__attribute__((naked)) int legacy_loads(void)
{
	asm volatile("r6 = r1;"
		     "r0 = *(u16 *)skb[12];"
		     "r7 = r0;"
		     "r0 = *(u8 *)skb[r7];"
		     "r0 = *(u32 *)skb[14];"
		     "exit;");
}

SEC("xdp")
__attribute__((naked)) int bounded(void)
{
	asm volatile("r0 = 0;"
		     "r2 = 0;"
		     "1: may_goto 2f;"
		     "r2 += 1;"
		     "if r2 > 100 goto 2f;"
		     "goto 1b;"
		     "2: r0 = 2;"
		     "exit;");
}

SEC("xdp")
__attribute__((naked)) int conditions(void)
{
	asm volatile("r2 = *(u32 *)(r1 + 16);"
		     "r3 = *(u32 *)(r1 + 12);"
		     "r0 = 1;"
		     "if r2 == r3 goto +1;"
		     "if r2 s> 5 goto +1;"
		     "r0 += 1;"
		     "if r2 s>= r3 goto +1;"
		     "if r2 s< -5 goto +1;"
		     "if r2 s<= r3 goto +1;"
		     "if r2 & 0x10 goto +1;"
		     "if r2 < 7 goto +1;"
		     "if r2 <= r3 goto +1;"
		     "if w2 != w3 goto +1;"
		     "if w2 s> 5 goto +1;"
		     "if w2 & w3 goto +1;"
		     "r0 += 1;"
		     "r4 = 0x1122334455667788 ll;"
		     "r4 = le16 r4;"
		     "r4 = be32 r4;"
		     "r4 = -r4;"
		     "w4 = -w4;"
		     "*(u64 *)(r10 - 8) = r4;"
		     "r0 = 2;"
		     "exit;");
}

char _license[] SEC("license") = "Dual MIT/GPL";
