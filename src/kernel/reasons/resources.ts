/** Why programs are refused for what calls hand out and regions that they open: references, locks, dynptrs, iterators. */
import type { Reason } from "./reason.ts";

export const resourceReasons: readonly Reason[] = [
  {
    sentence: /^Unreleased reference id=\d+ alloc_insn=(\d+)/,
    reason: ([slot], _, place) => `what the call in ${place(Number(slot))} handed out is not given back on this path`,
    hint: "give it back on every path: bpf_ringbuf_submit or bpf_ringbuf_discard, bpf_sk_release, the dynptr's own pair, …",
  },
  {
    sentence: /reference leak|(?:tail_call|bpf_tail_call) would lead to reference/,
    reason: "it ends while something that a call handed out is still held",
    hint: "give it back on every path, also before tail calls",
  },
  {
    sentence: /cannot be used inside (bpf_\w+?)-ed region|^unmatched (.+?)(?: \(|$)/,
    reason: ([region, lone]) =>
      region ? `it ends, or calls away, in a region that ${region} opened` : `there is nothing to close for ${lone}`,
    hint: "open and close each region once on every path, before a return",
  },
  {
    sentence: /initialized iter_\w+ as arg|iterator/,
    reason: "an iterator is used before it was made, made twice, or not destroyed",
    hint: "bpf_for and bpf_for_each of libbpf make and destroy it; else bpf_iter_*_new, _next, _destroy on every path",
  },
  {
    sentence: /must have zero offset when passed to release|^dereference of modified (\w+) ptr/,
    reason: "a pointer that is given back, or passed as an object, was moved",
    hint: "keep the pointer as the call gave it, and pass that",
  },
  {
    sentence:
      /has not been acquired|unacquired reference|release helper .* expects referenced|(?:reference|ref_obj_id) .* not acquired/,
    reason: "something is given back that was not handed out on this path",
    hint: "release each thing once, and only where it is held",
  },
  {
    sentence:
      /has to have BTF in order to use bpf_spin_lock|has no valid bpf_spin_lock|bpf_spin_lock.*offset|not 'struct bpf_spin_lock'/,
    reason: "bpf_spin_lock needs a map whose BTF says where in the value the lock is",
    hint: "declare a struct with a member struct bpf_spin_lock as the map's value, in a .maps section, and lock that member",
  },
  {
    sentence: /function calls are not allowed while holding a lock|inside bpf_spin_lock-ed region|while holding a lock/,
    reason: "something is called, or the program ends, while a lock is held",
    hint: "prepare everything before bpf_spin_lock, and unlock on every path before a call or return",
  },
  {
    sentence: /bpf_spin_unlock (?:without|of different)|Locking two bpf_spin_locks|bpf_spin_(?:un)?lock/,
    reason: "locks are not taken and released in pairs, one at a time",
    hint: "release the lock that was taken, and take the next only then",
  },
  {
    sentence: /initialized dynptr|[Dd]ynptr/,
    reason: "a dynptr is used before it was made, made twice, or overwritten",
    hint: "make it with bpf_dynptr_from_xdp, _mem or bpf_ringbuf_reserve_dynptr in 16 bytes of its own on the stack, once",
  },
];
