/* SPDX-License-Identifier: MIT */
/* Every kind of CO-RE relocation, against types of the running kernel. Not deterministic: the results are the kernel's.
 * A tracing program may read kernel memory, so one stands here; the XDP programs only ask for facts. */
#include "packet.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define CORE __attribute__((preserve_access_index))

struct list_head {
	struct list_head *next, *prev;
} CORE;

struct kernel_cred {
	unsigned int unused;
} CORE;

struct task_struct {
	int pid;
	int tgid;
	char comm[16];
	struct task_struct *real_parent;
	struct list_head tasks;
	unsigned in_execve : 1;
	unsigned sched_contributes_to_load : 1;
	unsigned no_such_bit : 1;
} CORE;

/* Of another kernel, which named the member differently. */
struct task_struct___old {
	long state;
	int no_such_member;
} CORE;

struct task_struct___new {
	unsigned int __state;
} CORE;

struct net_device {
	unsigned int flags;
	int ifindex;
	char name[16];
	unsigned char addr_len;
	struct list_head dev_list;
} CORE;

struct sk_buff {
	unsigned int len;
	__u8 cloned : 1;
	__u8 nohdr : 1;
	__u8 pkt_type : 3;
	union {
		__be16 inner_protocol;
		__u8 inner_ipproto;
	};
	__be16 protocol;
} CORE;

struct no_such_struct {
	int value;
} CORE;

enum bpf_map_type___core { BPF_MAP_TYPE_HASH___core = 1, BPF_MAP_TYPE_NO_SUCH___core = 77 };
enum bpf_cmd___wide { BPF_PROG_LOAD___wide = 5 };

__u64 facts[48];

#define FACT(index, value) facts[index] = (value)

SEC("xdp")
int ask(struct xdp_md *context)
{
	struct task_struct *task = 0;
	struct task_struct___old *old = 0;
	struct task_struct___new *new_ = 0;
	struct net_device *device = 0;
	struct sk_buff *packet = 0;
	FACT(0, bpf_core_field_exists(task->pid));
	FACT(1, bpf_core_field_exists(old->no_such_member));
	FACT(2, bpf_core_field_size(task->comm));
	FACT(3, bpf_core_field_offset(task->comm));
	FACT(4, bpf_core_field_offset(task->comm[3]));
	FACT(5, bpf_core_type_exists(struct task_struct));
	FACT(6, bpf_core_type_exists(struct no_such_struct));
	FACT(7, bpf_core_type_size(struct net_device));
	FACT(8, bpf_core_type_size(struct no_such_struct));
	FACT(9, bpf_core_type_id_kernel(struct task_struct) != 0);
	FACT(10, bpf_core_type_id_local(struct task_struct) != 0);
	FACT(11, bpf_core_enum_value_exists(enum bpf_map_type___core, BPF_MAP_TYPE_HASH___core));
	FACT(12, bpf_core_enum_value_exists(enum bpf_map_type___core, BPF_MAP_TYPE_NO_SUCH___core));
	FACT(13, bpf_core_enum_value(enum bpf_map_type___core, BPF_MAP_TYPE_HASH___core));
	FACT(14, bpf_core_enum_value(enum bpf_cmd___wide, BPF_PROG_LOAD___wide));
	FACT(15, bpf_core_field_exists(old->state));
	FACT(16, bpf_core_field_exists(new_->__state));
	FACT(17, bpf_core_field_offset(device->dev_list.prev));
	FACT(18, bpf_core_field_offset(packet->inner_protocol));
	FACT(19, bpf_core_field_size(packet->inner_ipproto));
	FACT(20, __builtin_preserve_field_info(packet->pkt_type, BPF_FIELD_BYTE_OFFSET));
	FACT(21, __builtin_preserve_field_info(packet->pkt_type, BPF_FIELD_BYTE_SIZE));
	FACT(22, __builtin_preserve_field_info(packet->pkt_type, BPF_FIELD_SIGNED));
	FACT(23, __builtin_preserve_field_info(packet->pkt_type, BPF_FIELD_LSHIFT_U64));
	FACT(24, __builtin_preserve_field_info(packet->pkt_type, BPF_FIELD_RSHIFT_U64));
	FACT(25, __builtin_preserve_field_info(task->pid, BPF_FIELD_SIGNED));
	FACT(26, bpf_core_field_exists(task->no_such_bit));
	FACT(27, __builtin_preserve_field_info(task->pid, BPF_FIELD_LSHIFT_U64));
	FACT(28, __builtin_preserve_field_info(task->in_execve, BPF_FIELD_BYTE_OFFSET));
	FACT(29, __builtin_preserve_field_info(task->in_execve, BPF_FIELD_RSHIFT_U64));
	FACT(30, bpf_core_type_matches(struct list_head));
	FACT(31, bpf_core_type_matches(struct no_such_struct));
	return XDP_PASS;
}

/* Kept out of reach by an `if` that CO-RE decides: its relocation fails, and nobody ever gets there. */
SEC("xdp")
int guarded(struct xdp_md *context)
{
	struct no_such_struct *missing = (void *)0;
	if (bpf_core_type_exists(struct no_such_struct))
		return bpf_core_field_offset(missing->value);
	return XDP_PASS;
}

SEC("raw_tp/sched_switch")
int read_task(struct bpf_raw_tracepoint_args *context)
{
	struct task_struct *task = (void *)context->args[1];
	FACT(40, BPF_CORE_READ(task, pid));
	FACT(41, BPF_CORE_READ(task, real_parent, tgid));
	FACT(42, BPF_CORE_READ_BITFIELD_PROBED(task, sched_contributes_to_load));
	return 0;
}

/* Direct loads, which change their size with the kernel's. */
SEC("tp_btf/netif_receive_skb")
int BPF_PROG(read_packet, struct sk_buff *packet)
{
	FACT(43, packet->len);
	FACT(44, packet->protocol);
	FACT(45, BPF_CORE_READ_BITFIELD(packet, pkt_type));
	return 0;
}

char _license[] SEC("license") = "Dual MIT/GPL";
