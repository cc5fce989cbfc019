/* SPDX-License-Identifier: MIT */
/* Kernel functions: iterators and dynamic pointers. Word 0 says which, the other words are arguments. */
#include "driver.h"

struct bpf_iter_num {
	__u64 opaque[1];
} __attribute__((aligned(8)));
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
struct bpf_iter_bits {
	__u64 opaque[2];
} __attribute__((aligned(8)));
extern int bpf_iter_bits_new(struct bpf_iter_bits *it, const __u64 *words, __u32 count) __ksym;
extern int *bpf_iter_bits_next(struct bpf_iter_bits *it) __ksym;
extern void bpf_iter_bits_destroy(struct bpf_iter_bits *it) __ksym;
extern int bpf_dynptr_from_xdp(struct xdp_md *context, __u64 flags, struct bpf_dynptr *pointer) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, __u32 offset, void *buffer, __u32 size) __ksym;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *p, __u32 offset, void *buffer, __u32 size) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr *p, __u32 start, __u32 end) __ksym;
extern _Bool bpf_dynptr_is_null(const struct bpf_dynptr *p) __ksym;
extern _Bool bpf_dynptr_is_rdonly(const struct bpf_dynptr *p) __ksym;
extern __u32 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr *p, struct bpf_dynptr *clone) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

static __always_inline void numbers(struct parameters *in, struct results *out)
{
	struct bpf_iter_num it;
	int *number;
	__s64 sum = 0, count = 0;

	out->word[1] = bpf_iter_num_new(&it, in->word[1], in->word[2]);
	while ((number = bpf_iter_num_next(&it))) {
		sum += *number;
		count++;
	}
	bpf_iter_num_destroy(&it);
	out->word[2] = sum;
	out->word[3] = count;
}

static __always_inline void bits(struct parameters *in, struct results *out)
{
	struct bpf_iter_bits it;
	int *bit;
	__s64 sum = 0, count = 0;

	out->word[1] = bpf_iter_bits_new(&it, in->word[2] ? (void *)in->bytes : 0, in->word[1]);
	while ((bit = bpf_iter_bits_next(&it))) {
		sum = sum * 3 + *bit;
		count++;
	}
	bpf_iter_bits_destroy(&it);
	out->word[2] = sum;
	out->word[3] = count;
}

static __always_inline int pointers(struct xdp_md *context, struct parameters *in, struct results *out)
{
	struct bpf_dynptr whole, part;
	__u8 buffer[16] = {}, *piece;
	__u32 offset = in->word[3];

	out->word[1] = bpf_dynptr_from_xdp(context, in->word[4], &whole);
	out->word[2] = bpf_dynptr_clone(&whole, &part);
	out->word[3] = bpf_dynptr_adjust(&part, in->word[1], in->word[2]);
	out->word[4] = bpf_dynptr_size(&whole);
	out->word[5] = bpf_dynptr_size(&part);
	out->word[6] = bpf_dynptr_is_null(&part);
	out->word[7] = bpf_dynptr_is_rdonly(&part);
	out->word[8] = bpf_dynptr_read(out->bytes, 32, &part, offset, in->word[5]);
	out->word[9] = bpf_dynptr_write(&part, offset, in->bytes, 24, in->word[6]);
	piece = bpf_dynptr_slice(&part, offset, buffer, sizeof(buffer));
	out->word[10] = piece ? piece[0] * 256 + piece[15] : -1;
	piece = bpf_dynptr_slice_rdwr(&part, offset + 7, buffer, sizeof(buffer));
	if (piece)
		piece[3] = 0x5a;
	out->word[11] = piece ? piece[0] * 256 + piece[15] : -1;
	out->word[12] = bpf_dynptr_data(&part, 0, 1) != 0;
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	out->word[13] = bpf_dynptr_read(out->bytes + 64, 64, &whole, 0, 0);
	return XDP_PASS;
}

static __always_inline int perform(struct xdp_md *context)
{
	BEGIN;
	switch (in->word[0]) {
	case 0: numbers(in, out); break;
	case 1: bits(in, out); break;
	default: return pointers(context, in, out);
	}
	return XDP_PASS;
}

SEC("xdp") int kfuncs(struct xdp_md *context)
{
	return perform(context);
}

SEC("xdp.frags") int kfuncs_fragments(struct xdp_md *context)
{
	return perform(context);
}

char LICENSE[] SEC("license") = "GPL";
