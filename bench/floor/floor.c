// The least that a program does which leaves the way to the kernel: parse, ask bpf_fib_lookup, write the addresses of the
// link layer, redirect. One program for each IP version of what leaves.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define AF_INET6 10

static __always_inline int leave(struct ethhdr *eth, struct bpf_fib_lookup *fib) {
  __builtin_memcpy(eth->h_dest, fib->dmac, 6);
  __builtin_memcpy(eth->h_source, fib->smac, 6);
  return bpf_redirect(fib->ifindex, 0);
}

SEC("xdp")
int floor6(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct ethhdr *eth = data;
  struct ipv6hdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end) return XDP_PASS;
  if (eth->h_proto != bpf_htons(ETH_P_IPV6)) return XDP_PASS;
  struct bpf_fib_lookup fib = {.family = AF_INET6, .ifindex = ctx->ingress_ifindex, .tot_len = bpf_ntohs(ip->payload_len)};
  __builtin_memcpy(fib.ipv6_src, &ip->saddr, 16);
  __builtin_memcpy(fib.ipv6_dst, &ip->daddr, 16);
  if (bpf_fib_lookup(ctx, &fib, sizeof fib, 0)) return XDP_PASS;
  return leave(eth, &fib);
}

SEC("xdp")
int floor4(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end) return XDP_PASS;
  if (eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  struct bpf_fib_lookup fib = {.family = AF_INET, .ifindex = ctx->ingress_ifindex, .tot_len = bpf_ntohs(ip->tot_len)};
  fib.ipv4_src = ip->saddr;
  fib.ipv4_dst = ip->daddr;
  if (bpf_fib_lookup(ctx, &fib, sizeof fib, 0)) return XDP_PASS;
  return leave(eth, &fib);
}

char _license[] SEC("license") = "GPL";
