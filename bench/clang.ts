/** How the C twins are compiled, as in examples/build.sh. */
export const CLANG: readonly string[] = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-fno-strict-aliasing"];
export const HEADERS: readonly string[] = [
  "-idirafter",
  `/usr/include/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`,
];
