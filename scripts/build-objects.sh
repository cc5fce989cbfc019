#!/bin/sh
# Compiles test/objects/*.c with clang-19. The objects are checked in: run this only after a change, and commit both.
# Debug sections but BTF are stripped, and paths are made relative, so that a build is the same everywhere.
set -eu
cd "$(dirname "$0")/../test/objects"
clang=${CLANG:-clang-19}
objcopy=${OBJCOPY:-llvm-objcopy-19}
include="-idirafter /usr/include/$(uname -m)-linux-gnu"

# build SOURCE OBJECT CPU [TARGET]
build() {
  # shellcheck disable=SC2086
  $clang -target "${4:-bpf}" -O2 -g -Wall -Wno-unused-function -Wno-address -mcpu="$3" $include \
    -ffile-prefix-map="$PWD"=. -fdebug-compilation-dir=. -c "$1.c" -o "$2.o"
  $objcopy --strip-debug "$2.o"
}

for source in ethertype router tunnel vlan denylist conntrack balancer cutter echo srv6 bucket events perf checksum \
  dispatch queues globals strings subprograms callbacks nested kconfig ksyms core types maps sections legacy iproute2 \
  fragments loops atomics on-demand custom-bss skeleton; do
  build "$source" "$source" v3
done
for cpu in v1 v2 v3 v4; do build arithmetic "arithmetic-$cpu" "$cpu"; done
build signed signed v4
build assembler assembler v4
build ethertype ethertype-be v3 bpfeb
build core core-be v3 bpfeb
build refused/refused refused/refused v3
