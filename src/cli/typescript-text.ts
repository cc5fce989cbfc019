/** Parts of a TypeScript module as Biome formats them, in lines of at most 120 characters. */

const MAX_LINE = 120;
export const fits = (line: string): boolean => line.length <= MAX_LINE;
export const oneLine = (text: string): string =>
  text.replace(/[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").replaceAll("*/", "* /");
export const comment = (text: string, indent = ""): string => `${indent}/** ${oneLine(text)} */\n`;
export const bytes = (count: number): string => `${count} byte${count === 1 ? "" : "s"}`;
export const property = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));

/** A statement on one line, or with a line for each item. */
export function broken(start: string, items: readonly string[], end: string, space = ""): string {
  const line = `${start}${space}${items.join(", ")}${space}${end}`;
  return fits(line) ? line : `${start}\n${items.map((item) => `    ${item},\n`).join("")}  ${end}`;
}
