/* SPDX-License-Identifier: MIT */
/* Section names of XDP programs, and of some other kinds. The map programs load with their expected attach type. */
#include "packet.h"

#define PASS(section, name)                                                                        \
	SEC(section) int name(struct xdp_md *context)                                              \
	{                                                                                          \
		return XDP_PASS;                                                                   \
	}

PASS("xdp", plain)
PASS("xdp", plain_too)
PASS("xdp.frags", fragments)
PASS("xdp/devmap", at_device)
PASS("xdp.frags/devmap", at_device_fragments)
PASS("xdp/cpumap", at_cpu)
PASS("xdp.frags/cpumap", at_cpu_fragments)

SEC("tc")
int classify(struct __sk_buff *context)
{
	return context->len & 1;
}

SEC("socket")
int filter_socket(struct __sk_buff *context)
{
	return (int)context->len;
}

char _license[] SEC("license") = "Dual MIT/GPL";
