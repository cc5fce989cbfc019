#!/bin/sh
# Compiles edge.c. The object is checked in: run this only after a change, and commit both.
set -eu
cd "$(dirname "$0")"
${CLANG:-clang-19} -target bpf -O2 -g -Wall -mcpu=v3 -idirafter "/usr/include/$(uname -m)-linux-gnu" \
  -ffile-prefix-map="$PWD"=. -fdebug-compilation-dir=. -c edge.c -o edge.o
${OBJCOPY:-llvm-objcopy-19} --strip-debug edge.o
