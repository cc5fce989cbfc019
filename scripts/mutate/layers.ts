/** Which tests would miss a file: words for `vitest run`, the quick ones first. */

export interface Stage {
  readonly words: readonly string[];
  /** Runs when the file's path matches. */
  readonly only?: RegExp;
}

const VM_AND_KERNEL = [
  "conntrack-new",
  "examples",
  "faulty-programs",
  "fib",
  "flags",
  "helpers",
  "instructions",
  "kfuncs",
  "map-rules",
  "packet",
  "programs",
  "special-maps",
  "strings",
  "types",
].map((name) => `test/kernel/${name}.test.ts`);

export const LAYERS: Readonly<Record<string, readonly Stage[]>> = {
  "src/vm": [{ words: ["src/vm", "src/object"] }, { words: VM_AND_KERNEL }, { words: ["test/compiler"] }],
  "src/kernel": [
    { words: ["src/kernel"] },
    { words: ["test/kernel"] },
    { words: ["test/e2e/attach", "test/e2e/load", "test/e2e/fill", "test/e2e/refusals"] },
  ],
  "dataplanes/srv6": [
    { words: ["--project", "unit", "dataplanes/srv6"] },
    { words: ["dataplanes/srv6/test/follow", "dataplanes/srv6/test/guide"], only: /control|commands/ },
    { words: ["e2e/operation", "e2e/growth", "e2e/drops"], only: /control|commands/ },
  ],
};

/** The layer that a folder is, or is in. */
export function layerOf(folder: string): readonly Stage[] | undefined {
  const name = Object.keys(LAYERS).find((layer) => folder === layer || folder.startsWith(`${layer}/`));
  return name === undefined ? undefined : LAYERS[name];
}
