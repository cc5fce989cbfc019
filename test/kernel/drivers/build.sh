#!/bin/sh
# Compiles the drivers with clang-19, as scripts/build-objects.sh compiles test/objects. Commit source and object.
set -eu
cd "$(dirname "$0")"
for source in adjust strings memory targets flags kfuncs; do
  ${CLANG:-clang-19} -target bpf -O2 -g -Wall -Wno-unused -mcpu=v3 -idirafter "/usr/include/$(uname -m)-linux-gnu" \
    -ffile-prefix-map="$PWD"=. -fdebug-compilation-dir=. -c "$source.c" -o "$source.o"
  ${OBJCOPY:-llvm-objcopy-19} --strip-debug "$source.o"
done
