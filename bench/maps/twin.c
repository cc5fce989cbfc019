/* SPDX-License-Identifier: MIT */
/*
 * Map operations through libbpf, timed: `twin OPERATION MAP-ID COUNT` prints nanoseconds. The map is a hash of 4-byte keys
 * 0 to ENTRIES - 1 and 8-byte values, the same that bench/kernel-maps.ts works on. Buffers are made before the clock starts.
 */
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH 65536

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

static int lookup(int map, __u32 count, __u32 entries)
{
	__u64 sum = 0;
	for (__u32 i = 0; i < count; i++) {
		__u32 key = i & (entries - 1);
		__u64 value;
		if (bpf_map_lookup_elem(map, &key, &value))
			return -1;
		sum += value;
	}
	return sum == 0;
}

static int lookup_batch(int map, __u32 count, __u32 *keys, __u64 *values)
{
	__u32 token, found = 0;
	void *in = NULL;
	for (int result = 0; result == 0; in = &token) {
		__u32 size = BATCH;
		result = bpf_map_lookup_batch(map, in, &token, keys, values, &size, NULL);
		found += size;
	}
	return found != count;
}

int main(int words, char **word)
{
	if (words != 5)
		return 2;
	int map = bpf_map_get_fd_by_id(atoi(word[2])), result = 0;
	__u32 count = atoi(word[3]), entries = atoi(word[4]);
	__u32 *keys = malloc(count * sizeof(*keys));
	__u64 *values = malloc(count * sizeof(*values));
	for (__u32 i = 0; i < count; i++) {
		keys[i] = i;
		values[i] = i + 1;
	}
	double start = now();
	if (!strcmp(word[1], "lookup"))
		result = lookup(map, count, entries);
	else if (!strcmp(word[1], "lookup-batch"))
		result = lookup_batch(map, count, keys, values);
	else
		result = bpf_map_update_batch(map, keys, values, &count, NULL);
	printf("%.0f\n", now() - start);
	return result != 0;
}
