/* SPDX-License-Identifier: MIT */
/* Every atomic operation of RFC 9669, 32 and 64 bits wide, with and without the old value. Deterministic. */
#include "packet.h"

__u64 wide[8];
__u32 narrow[8];

SEC("xdp")
int change(struct xdp_md *context)
{
	struct words {
		__u64 a;
		__u32 b;
	} *in = DATA(context);
	if ((void *)(in + 1) > DATA_END(context))
		return XDP_PASS;
	__u64 a = in->a, old = 0;
	__u32 b = in->b, old32 = 0;
	__sync_fetch_and_add(&wide[0], a);
	__sync_fetch_and_add(&narrow[0], b);
	__sync_fetch_and_or(&wide[4], a);
	__sync_fetch_and_and(&wide[5], a);
	__sync_fetch_and_xor(&wide[6], a);
	__sync_fetch_and_or(&narrow[4], b);
	__sync_fetch_and_and(&narrow[5], b);
	__sync_fetch_and_xor(&narrow[6], b);
	old += __sync_fetch_and_add(&wide[1], a);
	old ^= __sync_fetch_and_or(&wide[1], a >> 8);
	old += __sync_fetch_and_and(&wide[2], a | 1);
	old ^= __sync_fetch_and_xor(&wide[2], a << 3);
	old += __sync_lock_test_and_set(&wide[3], a);
	old ^= __sync_val_compare_and_swap(&wide[7], wide[7] & ~1ull, a);
	old32 += __sync_fetch_and_add(&narrow[1], b);
	old32 ^= __sync_fetch_and_or(&narrow[1], b >> 8);
	old32 += __sync_fetch_and_and(&narrow[2], b | 1);
	old32 ^= __sync_fetch_and_xor(&narrow[2], b << 3);
	old32 += __sync_lock_test_and_set(&narrow[3], b);
	old32 ^= __sync_val_compare_and_swap(&narrow[7], narrow[7] & ~1u, b);
	in->a = old;
	in->b = old32;
	return old & 1 ? XDP_TX : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
