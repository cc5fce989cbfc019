/* SPDX-License-Identifier: MIT */
/* Jenkins' lookup3 as include/linux/jhash.h has it: jhash_1word, jhash_3words, and jhash2 of four words. */
#pragma once
#include <linux/types.h>

#define JHASH_INITIAL 0xdeadbeef

static __always_inline __u32 rotate(__u32 word, const __u32 by)
{
	return word << by | word >> (32 - by);
}

static __always_inline __u32 jhash_final(__u32 a, __u32 b, __u32 c)
{
	c ^= b; c -= rotate(b, 14);
	a ^= c; a -= rotate(c, 11);
	b ^= a; b -= rotate(a, 25);
	c ^= b; c -= rotate(b, 16);
	a ^= c; a -= rotate(c, 4);
	b ^= a; b -= rotate(a, 14);
	c ^= b; c -= rotate(b, 24);
	return c;
}

static __always_inline __u32 jhash_3words(__u32 a, __u32 b, __u32 c, __u32 seed)
{
	__u32 start = JHASH_INITIAL + (3 << 2) + seed;
	return jhash_final(a + start, b + start, c + start);
}

static __always_inline __u32 jhash_1word(__u32 a, __u32 seed)
{
	__u32 start = JHASH_INITIAL + (1 << 2) + seed;
	return jhash_final(a + start, start, start);
}

static __always_inline __u32 jhash_4words(const __u32 *word, __u32 seed)
{
	__u32 a, b, c;
	a = b = c = JHASH_INITIAL + (4 << 2) + seed;
	a += word[0];
	b += word[1];
	c += word[2];
	a -= c; a ^= rotate(c, 4); c += b;
	b -= a; b ^= rotate(a, 6); a += c;
	c -= b; c ^= rotate(b, 8); b += a;
	a -= c; a ^= rotate(c, 16); c += b;
	b -= a; b ^= rotate(a, 19); a += c;
	c -= b; c ^= rotate(b, 4); b += a;
	return jhash_final(a + word[3], b, c);
}
