// The layers of docs/architecture.md: each may import only what stands in its row, and only through index.ts.
const layers = {
  base: [],
  schema: ["base"],
  isa: ["base"],
  btf: ["base"],
  uapi: ["base"],
  packet: ["base", "schema"],
  object: ["base", "isa", "btf"],
  lang: ["base", "schema", "packet", "uapi", "object"],
  compiler: ["base", "schema", "packet", "isa", "btf", "uapi", "object", "lang"],
  vm: ["base", "schema", "packet", "isa", "btf", "uapi", "object", "lang", "compiler"],
  kernel: ["base", "schema", "packet", "isa", "btf", "uapi", "object", "lang", "compiler"],
  register: ["base", "compiler"],
  cli: ["base", "schema", "packet", "isa", "btf", "uapi", "object", "lang", "compiler", "register", "vm", "kernel"],
};

/** The files of a layer that others may import: lang has a second door, `xdpkit/walk`. */
const doors = (name) => [`^src/${name}/index\\.ts$`, ...(name === "lang" ? ["^src/lang/walk\\.xdp\\.ts$"] : [])];
const test = "\\.test\\.ts$";
const rules = Object.entries(layers).map(([layer, allowed]) => ({
  name: `layer-${layer}`,
  severity: "error",
  comment: `src/${layer} may import ${allowed.join(", ") || "nothing"}`,
  from: { path: `^src/${layer}/`, pathNot: test },
  to: { path: "^src/", pathNot: [`^src/${layer}/`, ...allowed.flatMap(doors)] },
}));

module.exports = {
  forbidden: [
    ...rules,
    {
      name: "data-planes-are-customers",
      severity: "error",
      comment: "a data plane imports the package by its public names, and itself; its tests also test/support",
      from: { path: "^dataplanes/([^/]+)/" },
      to: { path: "^(src|examples|bench|test|dataplanes)/", pathNot: ["^dataplanes/$1/", "^test/support/"] },
    },
    {
      name: "data-planes-without-test-support",
      severity: "error",
      from: { path: "^dataplanes/[^/]+/", pathNot: "^dataplanes/[^/]+/test/" },
      to: { path: "^test/" },
    },
    {
      name: "the-package-without-data-planes",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^dataplanes/" },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "node-only-at-the-edge",
      severity: "error",
      comment: "everything but kernel, cli and Node's loader hook runs in a browser",
      from: {
        path: "^src/",
        pathNot: ["^src/(kernel|cli)/", "^src/register/(hooks|import-module|graph|evaluate)\\.ts$", test],
      },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "koffi-only-in-kernel",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/kernel/" },
      to: { path: "koffi" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    // No tsConfig, whose paths lead to the source: a data plane gets the package as its users do, by its exports.
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "default"] },
  },
};
