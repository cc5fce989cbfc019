/* SPDX-License-Identifier: MIT */
/* What `xdpkit types` has to find TypeScript for: structs without a name, padding, unions, bit fields, enums, lists of lists,
 * names that TypeScript does not take, variables of every section. Deterministic. */
#include "packet.h"

typedef struct {
	__u8 bytes[6];
} mac_t;
enum role { CLIENT, SERVER = 7, OTHER = -1 };
enum class { NARROW = 1, WIDE_AS_CAN_BE = 1ull << 40 };

struct endpoint {
	mac_t mac;
	__be16 port;
};

struct session {
	struct endpoint ends[2];
	enum role role;
	__u8 grid[2][3];
	/* two bytes of padding */
	__s64 skew;
	union {
		__be32 v4;
		__u8 v6[16];
	} peer;
	struct {
		__u16 mtu : 14;
		__u16 open : 1;
		enum role side : 8;
	};
	_Bool flag;
	char label[8];
	char lines[2][4];
	enum class class;
	void *cookie;
	unsigned __int128 total;
	signed char delta;
	union {
		__u32 word;
		struct {
			__u16 low, high;
		};
	};
} __attribute__((aligned(16)));

struct packed {
	__u8 kind;
	__u64 count;
	__u16 rest;
} __attribute__((packed));

struct event {
	__u64 length;
	enum role role;
};
/* Records are of no map's type: this brings it into the BTF. */
const struct event *unused __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct {
		__u32 tenant;
		__u16 number;
	});
	__type(value, struct session);
} sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, enum role);
	__type(value, struct packed);
} function SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__uint(key_size, 3);
	__uint(value_size, 8);
} object SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__type(value, struct endpoint);
} waiting_endpoints_of_the_sessions_that_have_not_been_seen_yet SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} raw SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} commands SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} programs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
} cpus SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
};
struct inner left SEC(".maps");
struct inner right SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} sides SEC(".maps") = { .values = { [0] = &left } };

const volatile struct {
	__u32 limit;
	__u64 few : 20;
	char name[12];
} await = { .limit = 5, .name = "first" };
const volatile __u8 step = 1;
__u64 seen;
enum role last = OTHER;
static volatile __u32 hidden;
double ratios[2] = { 0.5, -2 };
__s32 table[3] SEC(".data.tables") = { -1, 0, 1 };

static long take(struct bpf_dynptr *record, void *sum)
{
	struct event event = {};
	bpf_dynptr_read(&event, sizeof(event), record, 0, 0);
	*(__u64 *)sum += event.length;
	return 0;
}

SEC("xdp")
int count(struct xdp_md *context)
{
	static volatile __u32 local;
	__u64 taken = 0;
	struct event event = { .length = DATA_END(context) - DATA(context), .role = SERVER };
	seen += step;
	hidden++;
	local++;
	last = seen >= await.limit ? SERVER : CLIENT;
	table[0] = seen;
	bpf_ringbuf_output(&events, &event, sizeof(event), 0);
	bpf_ringbuf_output(&raw, &event, 3, 0);
	bpf_perf_event_output(context, &samples, BPF_F_CURRENT_CPU | 20ull << 32, &event, sizeof(event));
	bpf_user_ringbuf_drain(&commands, take, &taken, 0);
	table[1] = taken;
	return last == SERVER ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int jump_to_the_program_that_is_in_the_table(struct xdp_md *context)
{
	bpf_tail_call(context, &programs, 1);
	return XDP_ABORTED;
}

SEC("xdp/cpumap")
int delete(struct xdp_md *context)
{
	return XDP_DROP;
}

char _license[] SEC("license") = "Dual MIT/GPL";
