/**
 * Evaluates a kernel module on this thread, without a loader: its files become data: URLs that import one another, and
 * the package is the copy that is running. So the command line starts in the time of one import, and needs no hook.
 *
 * Invariant: only graphs without `needsLoader`; everything else is importModule's.
 */
import { pathToFileURL } from "node:url";
import { invariant, xdpkitError } from "../base/index.ts";
import { type GraphModule, type ModuleGraph, placeOf, type Slot } from "./graph.ts";

type Namespace = Readonly<Record<string, unknown>>;
/** How the package's modules are had: only those that are imported are loaded. */
export type HostModules = Readonly<Record<string, () => Promise<Namespace>>>;

const KEY = Symbol.for("xdpkit.host");

/** The exports of the graph's entry. */
export async function evaluateGraph(graph: ModuleGraph, host: HostModules): Promise<Namespace> {
  invariant(graph.needsLoader === undefined, "only Node's loader can evaluate this");
  const urls = new Map<string, string>();
  for (const name of new Set(graph.modules.flatMap(hostImports))) urls.set(name, hostUrl(name, await host[name]!()));
  for (const module of graph.modules) urls.set(module.file, moduleUrl(module, urls));
  try {
    return await import(urls.get(graph.modules.at(-1)!.file)!);
  } catch (thrown) {
    throw missingExport(graph, urls, thrown) ?? thrown;
  }
}

/** What Node says about a name that a module does not export, without the module's text. */
function missingExport(graph: ModuleGraph, urls: ReadonlyMap<string, string>, thrown: unknown) {
  const { message = "" } = (thrown ?? {}) as { message?: string };
  const [, url, name] = /'(data:[^']*)' does not provide an export named '(.*)'/.exec(message) ?? [];
  const [to] = [...urls].find(([, one]) => one === url) ?? [];
  if (name === undefined || to === undefined) return undefined;
  for (const module of graph.modules) {
    const slot = module.slots.find(({ fill }) => fill.to === to);
    if (!slot) continue;
    const statement = module.code.lastIndexOf("import", slot.start);
    const at = module.code.slice(statement, slot.start).search(new RegExp(`\\b${name}\\b`));
    const specifier = module.code.slice(slot.start + 1, slot.end - 1);
    if (at >= 0) return xdpkitError("STAGE_EXPORT", { specifier, name }, { at: placeOf(module, statement + at, name) });
  }
  return undefined;
}

const hostImports = ({ slots }: GraphModule): string[] =>
  slots.flatMap(({ fill }) => (fill.kind === "host" ? [fill.to] : []));

const dataUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;

/** A module that exports what a namespace of this process holds. */
function hostUrl(name: string, namespace: Namespace): string {
  const all = globalThis as { [KEY]?: Record<string, Namespace> };
  all[KEY] = { ...all[KEY], [name]: namespace };
  const place = `globalThis[Symbol.for("xdpkit.host")][${JSON.stringify(name)}]`;
  return dataUrl(`export const { ${Object.keys(namespace).join(", ")} } = ${place};`);
}

function moduleUrl({ file, code, slots }: GraphModule, urls: ReadonlyMap<string, string>): string {
  let text = "";
  let done = 0;
  for (const { start, end, fill } of slots) {
    text += code.slice(done, start) + filled(fill, urls);
    done = end;
  }
  return dataUrl(`${text}${code.slice(done)}\n//# sourceURL=${pathToFileURL(file).href}`);
}

function filled({ kind, to }: Slot["fill"], urls: ReadonlyMap<string, string>): string {
  if (kind === "meta") return to;
  if (kind === "data") return JSON.stringify(pathToFileURL(to).href);
  return JSON.stringify(urls.get(to) ?? to);
}
