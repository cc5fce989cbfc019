#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

typedef unsigned int __u32;

typedef unsigned short __u16;

typedef unsigned char __u8;

struct key {
	__u32 address;
	__u16 port;
	__u8 protocol;
	__u8 pad;
};

typedef unsigned long long counter_t;

enum small {
	SMALL_A = 0,
	SMALL_B = 5,
	SMALL_C = -1,
};

enum wide {
	WIDE_A = 1099511627776ULL,
	WIDE_B = 3ULL,
};

union either {
	__u32 number;
	__u8 bytes[4];
	struct {
		__u16 low;
		__u16 high;
	};
};

struct bits {
	unsigned int a: 3;
	unsigned int b: 13;
	int c: 5;
	long: 43;
	unsigned long long d: 40;
	_Bool e: 1;
	enum small f: 8;
};

typedef struct {
	int x;
	int y;
} point_t;

typedef short __s16;

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

struct xdp_md {
	__u32 data;
	__u32 data_end;
	__u32 data_meta;
	__u32 ingress_ifindex;
	__u32 rx_queue_index;
	__u32 egress_ifindex;
};

struct packed {
	char a;
	int b;
	long long c;
	short d;
} __attribute__((packed));

struct aligned {
	char a;
	long: 64;
	int b;
	long: 64;
};

typedef int matrix_t[3][4];

enum byte {
	BYTE_A = 0,
	BYTE_B = 1,
};

struct everything {
	struct bits bits;
	struct packed packed;
	struct aligned aligned;
	union either either;
	point_t point;
	point_t points[2];
	matrix_t matrix;
	enum small small;
	enum wide wide;
	enum byte byte;
	enum {
		IN_A = 0,
		IN_B = 1,
	} inside;
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
	int last_bits: 7;
	volatile int * restrict pointer;
	float ratio;
	double precise;
	long: 64;
	__int128 huge;
	int tail[0];
};

struct opaque;

typedef int (*compare_t)(const void *, const void *);

struct tree {
	struct tree *left;
	struct tree *right;
	const struct opaque *payload;
	compare_t compare;
	void (*visit)(struct tree *, int (*)(int), ...);
	const char * const names[2];
	int (*(*table)[3])(void);
};

#ifndef BPF_NO_PRESERVE_ACCESS_INDEX
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
