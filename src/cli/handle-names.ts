/** Names of C that are no names of constants in a TypeScript module. */

/** What the module that `xdpkit types` writes names itself. */
export const RESERVED_VALUES: readonly string[] = [
  "Foreign",
  "URL",
  "object",
  "programs",
  "readElf",
  "readFileSync",
  "setVariables",
];

/** ECMA-262, ReservedWord in strict code of modules, and names that such code may not bind. */
const WORDS = new Set(
  `arguments await break case catch class const continue debugger default delete do else enum eval export extends false
finally for function if implements import in instanceof interface let new null package private protected public return
static super switch this throw true try typeof undefined var void while with yield
Infinity NaN exports globalThis require`.split(/\s+/),
);

export const isReservedName = (name: string): boolean => WORDS.has(name);

/** The name as an identifier: itself when it is one of C. */
export const handleName = (name: string): string => name.replace(/\W/g, "_").replace(/^(?=\d|$)/, "_");
