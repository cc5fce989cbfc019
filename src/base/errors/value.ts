/** Errors of values that go into maps and globals. */
import { entry } from "./entry.ts";

export const valueErrors = {
  VALUE_TEXT: entry(
    (p: { text: string; size: number }) =>
      `${JSON.stringify(p.text)} is text, and text is bytes here: ${2 * p.size} hexadecimal digits`,
    () => "write a number without quotes, or all bytes, as they lie in memory",
  ),
  VALUE_AMBIGUOUS: entry(
    (p: { text: string }) => `${p.text} may be 8 bytes or a number`,
    (p) => {
      const number = BigInt.asUintN(64, BigInt(p.text));
      const bytes = Array.from({ length: 8 }, (_, i) =>
        ((number >> BigInt(8 * i)) & 0xffn).toString(16).padStart(2, "0"),
      );
      return `write 0x${p.text} for the bytes, 0x${bytes.join("")} for the number`;
    },
  ),
  VALUE_FORM: entry(
    (p: { found: string; size: number }) =>
      p.size === 0
        ? `${p.found} is no value of this type`
        : `${p.found} is no value of ${p.size} byte${p.size === 1 ? "" : "s"}`,
    (p) =>
      p.size === 0 ? "write the bytes as hexadecimal text" : "give a number that fits, or bytes as hexadecimal text",
  ),
  VALUE_SIZE: entry(
    (p: { name: string; what: "key" | "value"; need: number; have: number }) =>
      `a ${p.what} of ${p.name} has ${p.need} bytes, not ${p.have}`,
    () => "give exactly as many bytes as the object declares",
  ),
} as const;
