#!/bin/sh
# Compiles floor.c, as examples/build.sh compiles the twins. Commit source and object.
set -eu
cd "$(dirname "$0")"
${CLANG:-clang-19} -target bpf -O2 -g -Wall -mcpu=v3 -idirafter "/usr/include/$(uname -m)-linux-gnu" \
  -ffile-prefix-map="$PWD"=. -fdebug-compilation-dir=. -c floor.c -o floor.o
${OBJCOPY:-llvm-objcopy-19} --strip-debug floor.o
