/**
 * Names: lexical scopes inside a kernel function, and behind them what the function takes from its module.
 *
 * Invariant: a scope is extended while its block is walked and never changes afterwards; variables are numbers, so that
 * two inlined calls of one function do not share any.
 */
import { describeFunction, type StagedModule } from "../../lang/index.ts";
import { parseModule } from "../stage/parse.ts";
import { children, isFunction, type SyntaxNode } from "../stage/syntax.ts";

/** A function whose source is known. */
export interface KernelFunction {
  readonly name: string;
  /** The function node: its `params` and `body`. */
  readonly node: SyntaxNode;
  readonly module: StagedModule;
  readonly captures: ReadonlyMap<string, () => unknown>;
}

export class Scope {
  readonly #names = new Map<string, number>();
  readonly parent: Scope | undefined;

  constructor(parent?: Scope) {
    this.parent = parent;
  }

  declare(name: string, variable: number): void {
    this.#names.set(name, variable);
  }

  /** The scope of the outermost function that this one stands in. */
  get root(): Scope {
    return this.parent?.root ?? this;
  }

  /** The variables of this scope alone. */
  variables(): IterableIterator<number> {
    return this.#names.values();
  }

  /** The variable of a local name. */
  find(name: string): number | undefined {
    return this.#names.get(name) ?? this.parent?.find(name);
  }
}

const modules = new WeakMap<SyntaxNode, StagedModule>();

/** The module that a node was parsed from; undefined for nodes that were made up. */
export const moduleOf = (node: SyntaxNode): StagedModule | undefined => modules.get(node);

const functionsByModule = new Map<
  string,
  { readonly source: string; readonly nodes: ReadonlyMap<string, SyntaxNode> }
>();

/** The functions of a module by span. Class members and properties count with their whole span, as the registry has it. */
function functionsOf(module: StagedModule): ReadonlyMap<string, SyntaxNode> {
  const known = functionsByModule.get(module.id);
  if (known?.source === module.source) return known.nodes;
  const nodes = new Map<string, SyntaxNode>();
  const visit = (node: SyntaxNode): void => {
    modules.set(node, module);
    if (isFunction(node)) nodes.set(`${node.start}:${node.end}`, node);
    const isMember = node.type === "MethodDefinition" || (node.type === "Property" && isFunction(node["value"]));
    if (isMember) nodes.set(`${node.start}:${node.end}`, node["value"]);
    for (const child of children(node)) visit(child);
  };
  visit(parseModule(module.source, module.file));
  functionsByModule.set(module.id, { source: module.source, nodes });
  return nodes;
}

/** The source of a function object; undefined when it comes from no instrumented module. */
export function kernelFunction(fn: object): KernelFunction | undefined {
  const description = describeFunction(fn);
  if (!description) return undefined;
  const { module, name, start, end, captures } = description;
  const node = functionsOf(module).get(`${start}:${end}`);
  return node && { name, node, module, captures };
}
