/**
 * Slots that packets go to (`struct bpf_devmap_val`, `struct bpf_cpumap_val`, include/uapi/linux/bpf.h): a number, and a
 * program that runs there. The kernel takes a program's descriptor and gives its id.
 */
import { xdpkitError } from "../base/index.ts";
import type { Codec } from "../object/index.ts";
import { MapType } from "../uapi/index.ts";
import { tryFindInterface } from "./interfaces.ts";

/**
 * The codec of a map's values where they are targets. `size` is 4 without and 8 with programs.
 *
 * @throws XdpkitError VALUE_FORM
 */
export function targetCodec(type: number, size: number): Codec | undefined {
  if (type === MapType.CPUMAP) return slotCodec("queueSize", size, queueSize);
  if (type === MapType.DEVMAP || type === MapType.DEVMAP_HASH) return slotCodec("interface", size, interfaceIndex);
  return undefined;
}

function slotCodec(field: "interface" | "queueSize", size: number, numberOf: (value: unknown, path: string) => number) {
  return {
    size,
    decode(bytes: Uint8Array): unknown {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const program = size === 8 ? view.getUint32(4, true) : 0;
      return { [field]: view.getUint32(0, true), ...(program === 0 ? {} : { program }) };
    },
    encode(value: unknown, path: string): Uint8Array {
      const given = (typeof value === "object" && value !== null ? value : { [field]: value }) as Record<
        string,
        unknown
      >;
      const program = given["program"] ?? 0;
      if (typeof program !== "number" || (program !== 0 && size === 4)) throw wrong(program, 4, `${path}.program`);
      return new Uint8Array(Uint32Array.of(numberOf(given[field], `${path}.${field}`), program).buffer, 0, size);
    },
  };
}

function queueSize(value: unknown, path: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw wrong(value, 4, path);
}

/** By index, or by name in the network namespace of the calling thread. */
function interfaceIndex(value: unknown, path: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value > 0) return value;
  const found = typeof value === "string" ? tryFindInterface(value) : undefined;
  if (!found) throw wrong(value, 4, path);
  return found.index;
}

const wrong = (value: unknown, size: number, path: string) =>
  xdpkitError("VALUE_FORM", { found: JSON.stringify(value) ?? "nothing", size }, { at: { kind: "path", path } });
