/* SPDX-License-Identifier: MIT */
/* Types for the BTF printer and the value codec: bit fields, packing, unions, enums, functions, arrays. Deterministic. */
#include "packet.h"

typedef unsigned long long counter_t;
typedef struct {
	int x, y;
} point_t;
typedef int (*compare_t)(const void *, const void *);
typedef int matrix_t[3][4];
enum small { SMALL_A, SMALL_B = 5, SMALL_C = -1 };
enum wide { WIDE_A = 1ull << 40, WIDE_B = 3 };
enum { ANONYMOUS_ONE = 1, ANONYMOUS_TWO };
enum byte { BYTE_A, BYTE_B } __attribute__((packed));
struct opaque;

struct bits {
	unsigned a : 3;
	unsigned b : 13;
	int c : 5;
	unsigned : 0;
	unsigned long long d : 40;
	_Bool e : 1;
	enum small f : 8;
};

struct packed {
	char a;
	int b;
	long long c;
	short d;
} __attribute__((packed));

struct aligned {
	char a;
	int b __attribute__((aligned(16)));
} __attribute__((aligned(32)));

union either {
	__u32 number;
	__u8 bytes[4];
	struct {
		__u16 low, high;
	};
};

struct tree {
	struct tree *left, *right;
	const struct opaque *payload;
	compare_t compare;
	void (*visit)(struct tree *, int (*)(int), ...);
	const char *const names[2];
	int (*(*table)[3])(void);
};

struct everything {
	struct bits bits;
	struct packed packed;
	struct aligned aligned;
	union either either;
	point_t point, points[2];
	matrix_t matrix;
	enum small small;
	enum wide wide;
	enum byte byte;
	enum { IN_A, IN_B } inside;
	char name[16];
	signed char signed_char;
	counter_t counter;
	_Bool flag;
	struct {
		union {
			int one;
			long two;
		};
		int three;
	} nested[2];
	int last_bits : 7;
	volatile int *restrict pointer;
	float ratio;
	double precise;
	__int128 huge;
	int tail[];
};

struct key {
	__u32 address;
	__u16 port;
	__u8 protocol;
	__u8 pad;
};

struct value {
	counter_t packets;
	enum small state;
	enum wide mode;
	union either either;
	char name[8];
	__u8 raw[4];
	struct bits bits;
	point_t points[2];
	_Bool flag;
	__s16 delta;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, struct key);
	__type(value, struct value);
} values SEC(".maps");

struct tree *root;
struct everything *all;
enum { LATE_A = 9 } late;
int (*callback)(struct key, point_t, enum byte);

SEC("xdp")
int touch(struct xdp_md *context)
{
	struct key key = { .port = 80 };
	struct value *value = bpf_map_lookup_elem(&values, &key);
	if (value) {
		value->bits.b = 4;
		value->state = SMALL_B;
		value->delta--;
	}
	late = LATE_A;
	return all || root || callback ? XDP_ABORTED : XDP_PASS;
}

char _license[] SEC("license") = "Dual MIT/GPL";
