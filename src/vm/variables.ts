/** Global variables of the object: `vm.variable("limit").value = 10`. */
import { invariant, xdpkitError } from "../base/index.ts";
import { type Codec, type GlobalVariable, variableCodec } from "../object/index.ts";
import type { Machine } from "./machine.ts";
import { ArrayMap } from "./maps/index.ts";

/** A global variable of the machine. */
export class Variable {
  /** As in the object. */
  readonly name: string;
  readonly #machine: Machine;
  readonly #codec: Codec;
  readonly #address: number;

  /** @throws XdpkitError VM_UNKNOWN_VARIABLE */
  constructor(machine: Machine, name: string, codec?: Codec) {
    const { map, variable } = find(machine, name);
    this.name = name;
    this.#machine = machine;
    this.#codec = variableCodec(machine.object.btf, variable, codec);
    this.#address = map.at(0) + variable.offset;
  }

  get value(): unknown {
    const { bytes } = this.#machine.memory;
    return this.#codec.decode(bytes.slice(this.#address, this.#address + this.#codec.size));
  }

  /** Also for `.rodata`: user space may set constants before the first packet. */
  set value(value: unknown) {
    this.#machine.memory.bytes.set(this.#codec.encode(value, `$.${this.name}`), this.#address);
  }
}

const sectionsOf = (machine: Machine) => machine.maps.filter((map) => map.definition.data);

export function hasVariable(machine: Machine, name: string): boolean {
  return sectionsOf(machine).some((map) => map.definition.data!.variables.some((one) => one.name === name));
}

function find(machine: Machine, name: string): { readonly map: ArrayMap; readonly variable: GlobalVariable } {
  const sections = sectionsOf(machine);
  for (const map of sections) {
    const variable = map.definition.data!.variables.find((one) => one.name === name);
    invariant(map instanceof ArrayMap, "global data is an array");
    if (variable) return { map, variable };
  }
  const known = sections.flatMap((map) => map.definition.data!.variables.map((one) => one.name));
  throw xdpkitError("VM_UNKNOWN_VARIABLE", { name, known });
}
