/**
 * Global variables with other first values: what a libbpf skeleton does with `skeleton->rodata->port = 53` before load.
 *
 * By BTF where the section has it, else by the symbols of the section, whose values are then numbers or hexadecimal
 * text by their size. Invariant: variables that are not named keep their bytes.
 */
import { xdpkitError } from "../base/index.ts";
import { encodeValue, type PlainValue } from "../btf/index.ts";
import type { BpfMap, BpfObject, GlobalData } from "./bpf-object.ts";
import { codecOf } from "./value-codec.ts";

/**
 * The object with variables of one section (`.rodata`, `.data`, `.bss`, …) set; `path` names `values` in errors.
 *
 * @throws OBJECT_NO_GLOBALS when the object has no such section; BTF_VALUE, BTF_VALUE_RANGE, BTF_VALUE_MEMBER,
 * BTF_VALUE_LENGTH, VALUE_FORM, VALUE_SIZE at a path
 */
export function setGlobals(
  object: BpfObject,
  section: string,
  values: { readonly [variable: string]: unknown },
  path = "$",
): BpfObject {
  const map = object.maps.find((one) => one.name === section && one.data);
  if (!map?.data) {
    const known = object.maps.filter(({ data }) => data).map(({ name }) => name);
    throw xdpkitError("OBJECT_NO_GLOBALS", { section, known });
  }
  const bytes = encodeGlobals(object, map.data, values, map.data.bytes, path);
  const changed: BpfMap = { ...map, data: { ...map.data, bytes } };
  return { ...object, maps: object.maps.map((one) => (one === map ? changed : one)) };
}

/**
 * The object with variables of any section set, by their names. Throws as `setGlobals`.
 *
 * @throws XdpkitError BTF_VALUE_MEMBER
 */
export function setVariables(object: BpfObject, values: object, path = "$"): BpfObject {
  const rest = new Map<string, unknown>(Object.entries(values));
  const sections = object.maps.filter(({ data }) => data);
  const set = sections.reduce((changed, { name, data }) => {
    const own = data!.variables
      .filter((one) => rest.has(one.name))
      .map((one) => [one.name, rest.get(one.name)] as const);
    for (const [variable] of own) rest.delete(variable);
    return own.length > 0 ? setGlobals(changed, name, Object.fromEntries(own), path) : changed;
  }, object);
  for (const name of rest.keys()) {
    const known = sections.flatMap(({ data }) => data!.variables.map((one) => one.name));
    throw xdpkitError("BTF_VALUE_MEMBER", { name, known }, { at: { kind: "path", path: `${path}.${name}` } });
  }
  return set;
}

/**
 * A section's bytes with some variables set: the others keep what they have in `onto`. Throws as `setGlobals`.
 *
 * @throws XdpkitError BTF_VALUE_MEMBER
 */
export function encodeGlobals(
  { btf }: BpfObject,
  data: GlobalData,
  values: Readonly<Record<string, unknown>>,
  onto: Uint8Array,
  path: string,
): Uint8Array {
  if (btf && data.type) return encodeValue(btf, data.type, values as PlainValue, path, { onto });
  const bytes = Uint8Array.from(onto);
  for (const [name, value] of Object.entries(values)) {
    const variable = data.variables.find((one) => one.name === name);
    const at = `${path}.${name}`;
    if (!variable) {
      const known = data.variables.map((one) => one.name);
      throw xdpkitError("BTF_VALUE_MEMBER", { name, known }, { at: { kind: "path", path: at } });
    }
    const codec = codecOf(undefined, undefined, variable.size, { name, what: "value" });
    bytes.set(codec.encode(value, at), variable.offset);
  }
  return bytes;
}
