/**
 * The TypeScript module that `xdpkit types` writes: interfaces, handles, programs, and `object()`, which reads the object that
 * lies where it lay when the module was written.
 *
 * Invariant: the text depends on the description and on the two paths relative to each other, and is as Biome formats it.
 */
import { basename, dirname, relative, sep } from "node:path";
import type { FieldDeclaration, TypeDeclaration } from "../btf/index.ts";
import { HandleNames, IMPORTS } from "./module-names.ts";
import type { ObjectDescription, VariableDescription } from "./object-types.ts";
import { type Handle, mapHandle, printHandle, variableHandle } from "./print-handles.ts";
import { broken, bytes, comment, fits, oneLine, property } from "./typescript-text.ts";

export interface ModulePaths {
  /** The object that is described. */
  readonly object: string;
  /** Where the text will be; beside nothing, in the working directory, when absent. */
  readonly module?: string;
}

export function printModule(description: ObjectDescription, { object, module }: ModulePaths): string {
  const { maps, variables, programs, types } = description;
  const path = relative(module === undefined ? "." : dirname(module), object)
    .split(sep)
    .join("/");
  const names = new HandleNames();
  const handles = [...maps.map(mapHandle), ...variables.map(variableHandle)];
  const parts = [
    printImports(handles, variables.length > 0),
    ...types.map(printType),
    ...(variables.length > 0 ? [printVariables(variables)] : []),
    printPrograms(programs),
    ...handles.map((handle) => printHandle(handle, names.next(handle.name))),
    printObject(path, variables.length > 0),
  ];
  const records = maps.flatMap(({ name, record }) => (record === undefined ? [] : ["--record", `${name}=${record}`]));
  const output = module === undefined ? [] : ["-o", basename(module)];
  const command = ["xdpkit types", path, ...output, ...records].join(" ");
  return `// ${oneLine(command)}: change the object and run it again, not this file.\n${parts.join("\n")}`;
}

/** Those that are used: no type of the object has one of these names. */
function printImports(handles: readonly Handle[], hasVariables: boolean): string {
  const accesses = handles.flatMap(({ access: [name, ...of] }) => [name, ...of.map(withoutStrings)]);
  const used = new Set(accesses.join(" ").match(/\w+/g));
  for (const name of ["readElf", "BpfObject"]) used.add(name);
  if (handles.length > 0) used.add("Foreign");
  if (hasVariables) for (const name of ["Given", "setVariables"]) used.add(name);
  const lines = IMPORTS.flatMap(([module, all]) => {
    const names = all.filter((name) => used.has(name.replace("type ", "")));
    const line = `import { ${names.join(", ")} } from "${module}";`;
    if (names.length === 0) return [];
    return [fits(line) ? line : `import {\n${names.map((name) => `  ${name},\n`).join("")}} from "${module}";`];
  });
  return ['import { readFileSync } from "node:fs";', ...lines, ""].join("\n");
}

const withoutStrings = (type: string): string => type.replace(/"(?:[^"\\]|\\.)*"/g, "");

function printType(type: TypeDeclaration): string {
  if (type.kind === "enum") return printEnum(type);
  const { name, c, size, fields, kind } = type;
  const note = kind === "union" ? "; all members are the same bytes" : "";
  const head = comment(`\`${c}\`, ${bytes(size)}${note}.`);
  if (fields.length === 0) return `${head}export type ${name} = { [member: string]: never };\n`;
  return `${head}export interface ${name} {\n${fields.map(printField).join("")}}\n`;
}

const printField = ({ name, type, c }: FieldDeclaration): string =>
  `${comment(`\`${c}\``, "  ")}  ${property(name)}: ${type};\n`;

function printEnum({ name, c, size, values, other }: Extract<TypeDeclaration, { kind: "enum" }>): string {
  const numbers = values.map((one) => `${one.name} ${one.value}`).join(", ");
  const members = [...new Set(values.map((one) => JSON.stringify(one.name))), other];
  const line = `export type ${name} = ${members.join(" | ")};`;
  const text = fits(line) ? line : `export type ${name} =\n${members.map((one) => `  | ${one}`).join("\n")};`;
  return `${comment(`\`${c}\`, ${bytes(size)}: ${numbers}; a ${other} where none of them fits.`)}${text}\n`;
}

function printVariables(variables: readonly VariableDescription[]): string {
  const fields = variables.map(
    ({ name, section, size, type }) => `${comment(`${section}, ${bytes(size)}.`, "  ")}  ${property(name)}: ${type};\n`,
  );
  return `${comment("Variables by their names in C.")}export interface Variables {\n${fields.join("")}}\n`;
}

function printPrograms(programs: ObjectDescription["programs"]): string {
  const rows = programs.map(
    ({ name, section }) => `${comment(`\`SEC("${section}")\``, "  ")}  ${property(name)}: ${JSON.stringify(name)},\n`,
  );
  const list = rows.length > 0 ? `{\n${rows.join("")}}` : "{}";
  return [
    `${comment("Programs, for what takes one by its name.")}export const programs = ${list} as const;`,
    "export type ProgramName = keyof typeof programs;\n",
  ].join("\n");
}

function printObject(path: string, hasVariables: boolean): string {
  const [url, name] = [path.split("/").map(encodeURIComponent).join("/"), basename(path)].map((one) =>
    JSON.stringify(one),
  );
  const about = hasVariables ? "The object; `variables` have other first values." : "The object.";
  return [
    `${comment(about)}export function object(${hasVariables ? "variables: Given<Variables> = {}" : ""}): BpfObject {`,
    broken("  const file = new URL(", [url!, "import.meta.url"], ");"),
    broken(`  ${hasVariables ? "const elf =" : "return"} readElf(readFileSync(file), {`, [`name: ${name}`], "});", " "),
    ...(hasVariables ? ["  return setVariables(elf, variables);"] : []),
    "}\n",
  ].join("\n");
}
