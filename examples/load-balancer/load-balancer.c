/* SPDX-License-Identifier: MIT */
/* The twin of load-balancer.xdp.ts. Each family is one copy of the same inlined code, as there. */
#include "../include/jhash.h"
#include "../include/xdp.h"

#define MAX_VIPS 512
#define RING_SIZE 65537
#define MAX_REALS 4096
#define UDP_TIMEOUT 30000000000ull

#define packed __attribute__((packed))

struct Vip4 {
	__be32 address;
	__be16 port;
	__u8 protocol;
} packed;

struct Vip6 {
	struct ipv6_address address;
	__be16 port;
	__u8 protocol;
} packed;

struct Flow4 {
	__be32 source, destination;
	__be16 sourcePort, destinationPort;
	__u8 protocol;
} packed;

struct Flow6 {
	struct ipv6_address source, destination;
	__be16 sourcePort, destinationPort;
	__u8 protocol;
} packed;

struct Vip {
	__u32 index;
	__u8 reserved : 6, noConnections : 1, hashSource : 1;
};

struct Connection {
	__u32 real;
	__u64 seen;
};

struct Real {
	__be32 address4;
	__u32 isIpv6;
	struct ipv6_address address6;
};

struct Counter {
	__u64 packets, bytes;
};

#define TABLE(name, kind, count, key_type, value_type)                                             \
	struct {                                                                                   \
		__uint(type, kind);                                                                \
		__uint(max_entries, count);                                                        \
		__type(key, key_type);                                                             \
		__type(value, value_type);                                                         \
	} name SEC(".maps")

TABLE(ring, BPF_MAP_TYPE_ARRAY, MAX_VIPS *RING_SIZE, __u32, __u32);
TABLE(reals, BPF_MAP_TYPE_ARRAY, MAX_REALS, __u32, struct Real);
TABLE(vipCounters, BPF_MAP_TYPE_PERCPU_ARRAY, MAX_VIPS, __u32, struct Counter);
TABLE(realCounters, BPF_MAP_TYPE_PERCPU_ARRAY, MAX_REALS, __u32, struct Counter);
TABLE(vips4, BPF_MAP_TYPE_HASH, MAX_VIPS, struct Vip4, struct Vip);
TABLE(vips6, BPF_MAP_TYPE_HASH, MAX_VIPS, struct Vip6, struct Vip);
TABLE(connections4, BPF_MAP_TYPE_LRU_HASH, 1 << 20, struct Flow4, struct Connection);
TABLE(connections6, BPF_MAP_TYPE_LRU_HASH, 1 << 20, struct Flow6, struct Connection);

/* 172.16.0.1, 100::1, and no MAC; in halves and words, so that they are read whole. */
const volatile __u16 gateway[3] = {};
const volatile __be32 source4 = bpf_htonl(0xac100001);
const volatile __u64 source6[2] = { bpf_cpu_to_be64(0x0100000000000000), bpf_cpu_to_be64(1) };

enum {
	TRUNCATED,
	FRAGMENT,
	OPTIONS,
	NOT_VIP,
	ICMP_ECHO,
	ICMP_OTHER,
	NO_RING,
	NO_REAL,
	NO_HEADROOM,
	TOO_LONG,
	HIT,
	MISS,
	SYN,
	EXPIRED,
	COUNT,
};
OUTCOMES(outcomes, COUNT);

#define GO_ON -1
#define DROP(reason) return counted(&outcomes, reason, XDP_DROP)
#define PASS(reason) return counted(&outcomes, reason, XDP_PASS)

struct flow {
	bool is6; /* a constant wherever this is inlined */
	/* Addresses of the header, of either family. */
	const void *source, *destination;
	__be16 source_port, destination_port;
	__u8 protocol;
	bool syn;
	/* Bytes of the link layer and of the IP packet. */
	__u32 link, length;
};

static __always_inline int take_transport(struct cursor *cursor, struct flow *flow)
{
	flow->syn = false;
	if (flow->protocol == PROTOCOL_TCP) {
		struct tcp *tcp = TAKE(struct tcp, cursor);
		if (!tcp)
			DROP(TRUNCATED);
		flow->source_port = tcp->source;
		flow->destination_port = tcp->destination;
		flow->syn = (tcp->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
		return GO_ON;
	}
	if (flow->protocol == PROTOCOL_UDP) {
		struct udp *udp = TAKE(struct udp, cursor);
		if (!udp)
			DROP(TRUNCATED);
		flow->source_port = udp->source;
		flow->destination_port = udp->destination;
		return GO_ON;
	}
	PASS(NOT_VIP);
}

static __always_inline void add_traffic(void *counters, __u32 index, __u32 bytes)
{
	struct Counter *counter = bpf_map_lookup_elem(counters, &index);
	if (!counter)
		return;
	counter->packets += 1;
	counter->bytes += bytes;
}

static __always_inline __u32 hash_source(const struct flow *flow, __u32 seed)
{
	return flow->is6 ? jhash_4words(flow->source, seed) : jhash_1word(*(const __u32 *)flow->source, seed);
}

static __always_inline struct Vip *find_vip(const struct flow *flow)
{
	if (flow->is6) {
		struct Vip6 key = { *(const struct ipv6_address *)flow->destination, flow->destination_port, flow->protocol };
		struct Vip *vip = bpf_map_lookup_elem(&vips6, &key);
		if (vip)
			return vip;
		key.port = 0;
		return bpf_map_lookup_elem(&vips6, &key);
	}
	struct Vip4 key = { *(const __be32 *)flow->destination, flow->destination_port, flow->protocol };
	struct Vip *vip = bpf_map_lookup_elem(&vips4, &key);
	if (vip)
		return vip;
	key.port = 0;
	return bpf_map_lookup_elem(&vips4, &key);
}

/* The number of the real that the ring has, or NULL. */
static __always_inline __u32 *pick(const struct Vip *vip, const struct flow *flow)
{
	__u32 seed = vip->hashSource ?
			     0 :
			     jhash_3words(bpf_ntohs(flow->source_port), bpf_ntohs(flow->destination_port), 0, 0);
	__u32 slot = vip->index * RING_SIZE + hash_source(flow, seed) % RING_SIZE;
	return bpf_map_lookup_elem(&ring, &slot);
}

/* The number of the real for this packet; keeps the connection table. */
static __always_inline int find_real(const struct Vip *vip, const struct flow *flow, void *connections, const void *key,
				     __u32 *real)
{
	__u64 now = bpf_ktime_get_ns();
	if (flow->syn) {
		add_one(&outcomes, SYN);
	} else {
		struct Connection *known = bpf_map_lookup_elem(connections, key);
		if (known) {
			bool expired = flow->protocol == PROTOCOL_UDP && known->seen + UDP_TIMEOUT < now;
			if (!expired) {
				known->seen = now;
				add_one(&outcomes, HIT);
				*real = known->real;
				return GO_ON;
			}
			add_one(&outcomes, EXPIRED);
		} else {
			add_one(&outcomes, MISS);
		}
	}
	__u32 *slot = pick(vip, flow);
	if (!slot)
		DROP(NO_RING);
	*real = *slot;
	struct Connection connection;
	__builtin_memset(&connection, 0, sizeof(connection));
	connection.real = *slot;
	connection.seen = now;
	bpf_map_update_elem(connections, key, &connection, BPF_ANY);
	return GO_ON;
}

static __always_inline int real_for(const struct Vip *vip, const struct flow *flow, __u32 *real)
{
	if (vip->noConnections) {
		__u32 *slot = pick(vip, flow);
		if (!slot)
			DROP(NO_RING);
		*real = *slot;
		return GO_ON;
	}
	if (flow->is6) {
		struct Flow6 key = {
			*(const struct ipv6_address *)flow->source, *(const struct ipv6_address *)flow->destination,
			flow->source_port, flow->destination_port, flow->protocol,
		};
		return find_real(vip, flow, &connections6, &key, real);
	}
	struct Flow4 key = {
		*(const __be32 *)flow->source, *(const __be32 *)flow->destination,
		flow->source_port, flow->destination_port, flow->protocol,
	};
	return find_real(vip, flow, &connections4, &key, real);
}

/* Source: the old destination, ours; destination: the gateway. */
static __always_inline void write_link(struct ethernet *ethernet, const struct mac *ours, __be16 type)
{
	for (int i = 0; i < 3; i++)
		ethernet->destination.part[i] = gateway[i];
	ethernet->source = *ours;
	ethernet->type = type;
}

/* Ethernet and any tags are replaced by Ethernet and an outer IP header. */
static __always_inline int deliver(struct xdp_md *context, const struct Real *real, const struct flow *flow,
				   const struct mac *ours, __u32 hash)
{
	const __u8 inner = flow->is6 ? PROTOCOL_IPV6 : PROTOCOL_IPV4;
	if (real->isIpv6 != 0) {
		struct ethernet *ethernet =
			replace_head(context, flow->link, sizeof(struct ethernet) + sizeof(struct ipv6));
		if (!ethernet)
			DROP(NO_HEADROOM);
		write_link(ethernet, ours, bpf_htons(ETHERTYPE_IPV6));
		struct ipv6 *ipv6 = (void *)(ethernet + 1);
		ipv6->version_class_flow = bpf_htonl(6 << 28);
		ipv6->payload_length = bpf_htons(flow->length);
		ipv6->next_header = inner;
		ipv6->hop_limit = 64;
		ipv6->source.high = source6[0];
		ipv6->source.low = source6[1];
		ipv6->destination = real->address6;
		return XDP_TX;
	}
	if (flow->length + sizeof(struct ipv4) > 0xffff)
		DROP(TOO_LONG);
	struct ethernet *ethernet = replace_head(context, flow->link, sizeof(struct ethernet) + sizeof(struct ipv4));
	if (!ethernet)
		DROP(NO_HEADROOM);
	write_link(ethernet, ours, bpf_htons(ETHERTYPE_IPV4));
	struct ipv4 header = {
		.version_ihl = 0x45,
		.total_length = bpf_htons(flow->length + sizeof(struct ipv4)),
		.identification = bpf_htons(hash),
		.ttl = 64,
		.protocol = inner,
		.source = source4,
		.destination = real->address4,
	};
	header.checksum = ipv4_checksum(&header);
	*(struct ipv4 *)(ethernet + 1) = header;
	return XDP_TX;
}

static __always_inline int balance(struct xdp_md *context, struct cursor *cursor, const struct ethernet *ethernet,
				   struct flow *flow)
{
	int verdict = take_transport(cursor, flow);
	if (verdict != GO_ON)
		return verdict;
	struct Vip *vip = find_vip(flow);
	if (!vip)
		PASS(NOT_VIP);
	add_traffic(&vipCounters, vip->index, flow->length);
	__u32 index;
	verdict = real_for(vip, flow, &index);
	if (verdict != GO_ON)
		return verdict;
	add_traffic(&realCounters, index, flow->length);
	struct Real *real = bpf_map_lookup_elem(&reals, &index);
	if (!real)
		DROP(NO_REAL);
	struct mac ours = ethernet->destination;
	/* Only an IPv4 outer header has an identification. */
	__u32 hash = real->isIpv6 ? 0 : hash_source(flow, bpf_ntohs(flow->source_port));
	return deliver(context, real, flow, &ours, hash);
}

SEC("xdp")
int balancer(struct xdp_md *context)
{
	struct cursor cursor = cursor_of(context);
	struct ethernet *ethernet;
	__be16 type;
	if (!take_link(&cursor, &ethernet, &type))
		return XDP_PASS;
	__u32 start = offset_of(&cursor), frame = cursor.end - cursor.data;
	if (type == bpf_htons(ETHERTYPE_IPV4)) {
		struct ipv4 *ip = TAKE(struct ipv4, &cursor);
		if (!ip)
			DROP(TRUNCATED);
		if ((ip->version_ihl & 15) != 5)
			DROP(OPTIONS);
		if (ip->fragment & bpf_htons(FRAGMENT_MORE | FRAGMENT_OFFSET))
			DROP(FRAGMENT);
		__u32 length = bpf_ntohs(ip->total_length);
		if (start + length > frame)
			DROP(TRUNCATED);
		if (ip->protocol == PROTOCOL_ICMP)
			PASS(ICMP_OTHER);
		struct flow flow = {
			.is6 = false,
			.source = &ip->source,
			.destination = &ip->destination,
			.protocol = ip->protocol,
			.link = start,
			.length = length,
		};
		return balance(context, &cursor, ethernet, &flow);
	}
	if (type == bpf_htons(ETHERTYPE_IPV6)) {
		struct ipv6 *ip = TAKE(struct ipv6, &cursor);
		if (!ip)
			DROP(TRUNCATED);
		if (ip->next_header == PROTOCOL_FRAGMENT)
			DROP(FRAGMENT);
		__u32 length = sizeof(*ip) + bpf_ntohs(ip->payload_length);
		if (start + length > frame)
			DROP(TRUNCATED);
		if (ip->next_header == PROTOCOL_ICMPV6)
			PASS(ICMP_OTHER);
		struct flow flow = {
			.is6 = true,
			.source = &ip->source,
			.destination = &ip->destination,
			.protocol = ip->next_header,
			.link = start,
			.length = length,
		};
		return balance(context, &cursor, ethernet, &flow);
	}
	return XDP_PASS;
}
