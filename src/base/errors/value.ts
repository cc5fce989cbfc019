/** Errors of values that go into maps and globals. */
import { entry } from "./entry.ts";

export const valueErrors = {
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
