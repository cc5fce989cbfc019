/** Names in the module that `xdpkit types` writes: what it imports and says itself, and names of C that cannot be constants. */

export const IMPORTS: readonly (readonly [module: string, names: readonly string[]])[] = [
  [
    "xdpkit",
    [
      "type BloomAccess",
      "type EventSource",
      "Foreign",
      "type ForeignConstant",
      "type ForeignCpuMap",
      "type ForeignDevMap",
      "type ForeignMap",
      "type ForeignMapOfMaps",
      "type ForeignPerCpuMap",
      "type ForeignProgramArray",
      "type ForeignQueue",
      "type ForeignSamples",
      "type ForeignVariable",
      "type Given",
      "type MapAccess",
      "type UserRingAccess",
    ],
  ],
  ["xdpkit/object", ["type BpfObject", "readElf", "setVariables"]],
];

const IMPORTED: readonly string[] = IMPORTS.flatMap(([, names]) => names.map((name) => name.replace("type ", "")));

/** Names that types of an object must not have. */
export const RESERVED_TYPES: readonly string[] = [...IMPORTED, "ProgramName", "Uint8Array", "Variables"];

/** ECMA-262, ReservedWord in strict code of modules, and names that such code may not bind. */
const WORDS =
  `arguments await break case catch class const continue debugger default delete do else enum eval export extends
false finally for function if implements import in instanceof interface let new null package private protected public return
static super switch this throw true try typeof undefined var void while with yield
Infinity NaN exports globalThis require`.split(/\s+/);

/** Names that handles must not have. */
const RESERVED_VALUES: readonly string[] = [...IMPORTED, ...WORDS, "URL", "object", "programs", "readFileSync"];

/** Names of exported constants, none of them twice: C's where that will do, else with underscores. */
export class HandleNames {
  readonly #taken = new Set(RESERVED_VALUES);

  next(name: string): string {
    let unique = name.replace(/\W/g, "_").replace(/^(?=\d|$)/, "_");
    while (this.#taken.has(unique)) unique += "_";
    this.#taken.add(unique);
    return unique;
  }
}
