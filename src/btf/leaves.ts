/** A type as the row of what its bytes mean: structs, unions and arrays taken apart, names of types left out. */
import { xdpkitError } from "../base/index.ts";
import { resolve, sizeOf } from "./query.ts";
import type { Btf, BtfType, TypeId } from "./types.ts";

/** A scalar in a type, found by going through structs, unions and arrays. */
export interface Leaf {
  /** `remote.port`, `slots[].weight`; "" for the type itself. */
  readonly path: string;
  /** Bits from the beginning of the outermost type. */
  readonly bitOffset: number;
  /** Width, bits; a pointer has 64. */
  readonly bits: number;
  /** `unsigned`, `signed`, `pointer`, `4 × unsigned`, … */
  readonly form: string;
}

const MAX_DEPTH = 64;
const MAX_LEAVES = 1 << 16;

/** In the order of the declaration. @throws BTF_CYCLE, BTF_LIMIT, BTF_NO_SIZE, BTF_TYPE_ID */
export function leavesOf(btf: Btf, id: TypeId): Leaf[] {
  const leaves: Leaf[] = [];
  collect({ btf, leaves, root: id }, id, { path: "", bitOffset: 0, repeat: "" }, 0);
  return leaves;
}

interface Walk {
  readonly btf: Btf;
  readonly leaves: Leaf[];
  readonly root: TypeId;
}

interface Place {
  readonly path: string;
  readonly bitOffset: number;
  /** `4 × ` in an array of four. */
  readonly repeat: string;
  /** Of a bit-field. */
  readonly bitSize?: number;
}

function collect(walk: Walk, id: TypeId, place: Place, depth: number): void {
  const { btf, leaves, root } = walk;
  if (depth > MAX_DEPTH) throw xdpkitError("BTF_CYCLE", { id: root });
  if (leaves.length >= MAX_LEAVES) throw xdpkitError("BTF_LIMIT", { what: "fields of a type", limit: MAX_LEAVES });
  const type = resolve(btf, id);
  const { path, bitOffset, repeat, bitSize } = place;
  if (type.kind === "array") {
    collect(walk, type.element, { ...place, path: `${path}[]`, repeat: `${repeat}${type.length} × ` }, depth + 1);
  } else if (type.kind === "struct" || type.kind === "union") {
    for (const member of type.members) {
      const name = member.name === "" ? path : path === "" ? member.name : `${path}.${member.name}`;
      const inner = { path: name, bitOffset: bitOffset + member.bitOffset, repeat };
      collect(walk, member.type, member.bitSize > 0 ? { ...inner, bitSize: member.bitSize } : inner, depth + 1);
    }
  } else {
    leaves.push({ path, bitOffset, bits: bitSize ?? 8 * sizeOf(btf, id), form: `${repeat}${formOf(type)}` });
  }
}

function formOf(type: BtfType): string {
  switch (type.kind) {
    case "int":
    case "enum":
    case "enum64":
      return type.signed ? "signed" : "unsigned";
    default:
      return type.kind;
  }
}
