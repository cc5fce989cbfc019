/* SPDX-License-Identifier: MIT */
/* Programs that libbpf loads only when asked to: bpftool opens the object, but has nothing to pin. */
#include "packet.h"

enum xdp_rss_hash_type { XDP_RSS_TYPE_NONE };

extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *context, __u64 *timestamp) __ksym __weak;
extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *context, __u32 *hash, enum xdp_rss_hash_type *type) __ksym;

/* Loads only for a device that has the metadata functions. */
SEC("?xdp")
int timestamp(struct xdp_md *context)
{
	enum xdp_rss_hash_type type;
	__u64 at = 0;
	__u32 hash;
	if (bpf_xdp_metadata_rx_hash(context, &hash, &type))
		return XDP_ABORTED;
	return bpf_xdp_metadata_rx_timestamp(context, &at) ? XDP_PASS : XDP_DROP;
}

SEC("?fentry/no_such_kernel_function")
int enter(void *context)
{
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
