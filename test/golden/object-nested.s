.license "Dual MIT/GPL"
.map even style=btf type=2 key=4 value=8 entries=4 flags=0
.map odd style=btf type=2 key=4 value=8 entries=4 flags=0
.map by_parity style=btf type=12 key=4 value=4 entries=4 flags=0
.inner by_parity type=2 key=4 value=8 entries=4 flags=0
.map by_queue style=btf type=13 key=4 value=4 entries=8 flags=0
.inner by_queue type=1 key=2 value=8 entries=32 flags=0
.slot by_parity 0 even
.slot by_parity 1 odd
.slot by_parity 3 even

.section xdp

.global nest
  r6 = r1
  r1 = *(u32 *)(r6 + 0x0)
  r2 = *(u32 *)(r6 + 0x4)
  w2 -= w1
  w1 = w2
  w1 &= 0x3
  *(u32 *)(r10 - 0x4) = r1
  w2 >>= 0x2
  w2 &= 0x3
  *(u32 *)(r10 - 0x8) = r2
  r2 = r10
  r2 += -0x4
  r1 = 0x0 ll @map by_parity
  call 0x1
  r1 = r0
  w0 = 0x1
  if r1 == 0x0 goto +0x14 <nest+0x130>
  r2 = r10
  r2 += -0x8
  call 0x1
  r1 = r0
  w0 = 0x0
  if r1 == 0x0 goto +0xe <nest+0x130>
  r2 = *(u64 *)(r1 + 0x0)
  r2 += 0x1
  *(u64 *)(r1 + 0x0) = r2
  r1 = *(u32 *)(r6 + 0x10)
  *(u32 *)(r10 - 0xc) = r1
  r2 = r10
  r2 += -0xc
  r1 = 0x0 ll @map by_queue
  call 0x1
  r1 = r0
  w0 = 0x2
  if r1 == 0x0 goto +0x1 <nest+0x130>
  w0 = 0x3
  exit
