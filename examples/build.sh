#!/bin/sh
# Compiles the C twins of the examples with clang-19, as scripts/build-objects.sh compiles test/objects. The objects are
# checked in: run this only after a change, and commit both.
set -eu
cd "$(dirname "$0")"
here=$PWD
for source in */*.c; do
  [ "$source" = edge/edge.c ] && continue # has a script of its own
  object="${source%.c}.o"
  (
    cd "$(dirname "$source")"
    ${CLANG:-clang-19} -target bpf -O2 -g -Wall -fno-strict-aliasing -mcpu=v3 -idirafter "/usr/include/$(uname -m)-linux-gnu" \
      -ffile-prefix-map="$here"=. -fdebug-compilation-dir=. -c "$(basename "$source")" -o "$here/$object"
  )
  ${OBJCOPY:-llvm-objcopy-19} --strip-debug "$object"
done
