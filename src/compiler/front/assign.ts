/** `=`, `+=` and their kin, `++` and `--`: on variables, fields, elements, Cells and globals. */
import { partsOf } from "../../schema/index.ts";
import { type SyntaxNode, unwrap } from "../stage/syntax.ts";
import type { Front } from "./front.ts";
import { read, requireFieldWritable, requireUsable, requireWritable, write, writeField } from "./memory.ts";
import { binary } from "./operators.ts";
import { bytesIndex, element, elementPlace, isVariable, missing, property, variablePlace } from "./property.ts";
import { describeValue, isStaged, type PlaceValue, staged, UNDEFINED, type Value } from "./value.ts";

/** Something that can be read and written. */
interface Target {
  get(): Value;
  /** `node`: what is assigned. */
  set(value: Value, node: SyntaxNode): void;
  /** The field, when another CPU may write it too. */
  readonly shared?: string;
}

export function assignTo(front: Front, node: SyntaxNode): Value {
  const operator: string = node["operator"];
  const left: SyntaxNode = unwrap(node["left"]);
  if (operator === "=") return plain(front, left, node);
  if (operator === "&&=" || operator === "||=" || operator === "??=")
    return front.unsupported(`\`${operator}\``, "write an if", node);
  const target = targetOf(front, left);
  refuseShared(front, target, node);
  const before = target.get();
  const by = front.language.evaluate(front, node["right"]);
  if (!front.isReachable) return UNDEFINED;
  front.at(node);
  const value = front.settle(binary(front, operator.slice(0, -1), before, by, node));
  target.set(value, node["right"]);
  return value;
}

function plain(front: Front, left: SyntaxNode, node: SyntaxNode): Value {
  if (left.type === "ObjectPattern" || left.type === "ArrayPattern")
    return front.unsupported("an assignment to a pattern", "assign one by one", left);
  const target = targetOf(front, left);
  const value = front.language.evaluate(front, node["right"]);
  if (!front.isReachable) return UNDEFINED;
  front.at(node);
  target.set(value, node["right"]);
  return value;
}

export function update(front: Front, node: SyntaxNode): Value {
  const target = targetOf(front, unwrap(node["argument"]));
  refuseShared(front, target, node);
  const before = front.settle(target.get());
  const isWide = before.kind === "bigint" || (isStaged(before) && typeof before.value === "bigint");
  front.at(node);
  const after = front.settle(
    binary(front, node["operator"] === "++" ? "+" : "-", before, staged(isWide ? 1n : 1), node),
  );
  target.set(after, node);
  return node["prefix"] ? after : before;
}

function refuseShared(front: Front, { shared }: Target, node: SyntaxNode): void {
  if (shared !== undefined && front.state.lockedSince === undefined)
    front.fail("COMPILER_SHARED_UPDATE", { field: shared }, node);
}

function targetOf(front: Front, node: SyntaxNode): Target {
  if (node.type === "Identifier") return variableTarget(front, node);
  if (node.type !== "MemberExpression")
    return front.unsupported("an assignment to this", "assign to a variable or a field", node);
  const object = front.language.evaluate(front, node["object"]);
  if (!front.isReachable) return { get: () => UNDEFINED, set: () => {} };
  if (node["computed"]) {
    const index = front.language.evaluate(front, node["property"]);
    const isName = isStaged(index) && typeof index.value === "string";
    return isName ? memberTarget(front, object, String(index.value), node) : elementTarget(front, object, index, node);
  }
  return memberTarget(front, object, node["property"].name, node);
}

function variableTarget(front: Front, node: SyntaxNode): Target {
  const name: string = node["name"];
  const variable = front.frame.scope.find(name);
  if (variable === undefined) {
    if (!front.frame.fn.captures.has(name)) return front.fail("COMPILER_UNKNOWN_NAME", { name }, node);
    return front.fail("COMPILER_READ_ONLY", { what: `\`${name}\`, a variable of the module,` }, node);
  }
  if (front.isBeyond(variable)) front.fail("COMPILER_CAPTURED", { name }, node);
  return {
    get: () => front.state.variables.get(variable) ?? front.fail("COMPILER_PATHS_DIFFER", { name }, node),
    set: (value) => front.isReachable && front.assign(variable, value, node),
  };
}

const sharedName = (place: PlaceValue, name: string): { shared?: string } =>
  place.at.kind === "memory" && place.at.region.kind === "map" && place.at.region.isShared ? { shared: name } : {};

function memberTarget(front: Front, object: Value, name: string, node: SyntaxNode): Target {
  if (object.kind === "place") return placeTarget(front, object, name, node);
  if (isStaged(object) && isVariable(object.value) && name === "value") {
    const place = variablePlace(front, object.value);
    return cellTarget(front, place, node, {});
  }
  if (object.kind === "nullable" || (isStaged(object) && (object.value === null || object.value === undefined)))
    return front.fail("COMPILER_MAYBE_NULL", { what: front.textOf(node["object"]) }, node);
  if (isStaged(object) || object.kind === "record") return readOnly(front, object, node);
  if (object.kind === "context" || object.kind === "cursor")
    return front.fail("COMPILER_READ_ONLY", { what: `\`${name}\` of ${describeValue(object)}` }, node);
  return missing(front, object, name, node);
}

function readOnly(front: Front, object: Value, node: SyntaxNode): never {
  if (object.kind === "record")
    return front.fail("COMPILER_READ_ONLY", { what: describeValue(object) }, node, "use a struct: new S({…})");
  return front.fail("COMPILER_READ_ONLY", { what: `${describeValue(object)} of the module` }, node);
}

function placeTarget(front: Front, place: PlaceValue, name: string, node: SyntaxNode): Target {
  if (place.isCell && name === "value") return cellTarget(front, place, node, sharedName(place, "value"));
  return {
    ...sharedName(place, name),
    get: () => property(front, place, name, node),
    set: (value, from) => {
      requireFieldWritable(front, place, name, node);
      if (!writeField(front, place, name, value, from)) missing(front, place, name, node);
    },
  };
}

function cellTarget(front: Front, place: PlaceValue, node: SyntaxNode, shared: { shared?: string }): Target {
  return {
    ...shared,
    get: () => {
      requireUsable(front, place, node);
      return read(front, place.schema, place.at, node);
    },
    set: (value, from) => {
      requireUsable(front, place, node);
      requireWritable(front, place.at, node);
      write(front, place.schema, place.at, value, from, "the value");
    },
  };
}

function elementTarget(front: Front, object: Value, index: Value, node: SyntaxNode): Target {
  if (object.kind === "record" || isStaged(object)) return readOnly(front, object, node);
  if (object.kind === "place" && object.layout.kind === "bytes") return bytesIndex(front, node);
  if (object.kind !== "place" || object.layout.kind !== "array")
    return front.unsupported(`an index into ${describeValue(object)}`, "use an array(…) of a struct", node);
  const isInside = isStaged(index) && typeof index.value === "number";
  return {
    ...sharedName(object, "[…]"),
    // `a[i] += 1` outside would be NaN in JavaScript: the index must be inside.
    get: () => {
      elementPlace(front, object, index, node);
      return element(front, object, index, node);
    },
    set: (value, from) => {
      requireUsable(front, object, node);
      requireWritable(front, object.at, node);
      const place = elementPlace(front, object, isInside ? index : front.settle(index), node);
      write(front, partsOf(object.schema)["element"]!, place.at, value, from, "the element");
    },
  };
}
