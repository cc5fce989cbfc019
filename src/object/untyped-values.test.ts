/** Keys and values without BTF: a number, or all their bytes as text; nothing is either by its digits. */
import { expect, it } from "vitest";
import { printHex } from "../base/index.ts";
import { codecOf } from "./value-codec.ts";

const encode = (size: number, value: unknown): string =>
  printHex(codecOf(undefined, undefined, size, { name: "m", what: "key" }).encode(value, "$.key"));

const named = ([size, value]: readonly [number, unknown, string]): string =>
  `${size} bytes of ${typeof value === "string" ? JSON.stringify(value) : String(value)}`;

const rows: readonly (readonly [size: number, value: unknown, bytes: string])[] = [
  [4, "c0000210", "c0000210"],
  [4, "10000210", "10000210"],
  [4, "0x10000210", "10000210"],
  [4, 10000210, "52979800"],
  [4, -1, "ffffffff"],
  [2, "0050", "0050"],
  [2, 80, "5000"],
  [1, "10", "10"],
  [1, 10, "0a"],
  [8, "0000000000000100", "0000000000000100"],
  [8, "1000000000000000", "1000000000000000"],
  [8, 256n, "0001000000000000"],
  [8, "256", "0001000000000000"],
  [8, "18446744073709551615", "ffffffffffffffff"],
  [8, "-1", "ffffffffffffffff"],
  [6, "020000000001", "020000000001"],
];
it.each(rows.map((row) => [named(row), row] as const))("%s", (_, [size, value, bytes]) => {
  expect(encode(size, value)).toBe(bytes);
});

const refused: readonly (readonly [size: number, value: unknown, code: string])[] = [
  [4, "10", "VALUE_TEXT"],
  [4, "100002100", "VALUE_TEXT"],
  [4, "0x10", "VALUE_TEXT"],
  [4, "16.0.2.16", "VALUE_TEXT"],
  [1, "256", "VALUE_TEXT"],
  [8, "9007199254740993", "VALUE_AMBIGUOUS"],
  [8, "0x100", "VALUE_TEXT"],
  [4, 2 ** 32, "VALUE_FORM"],
  [6, 5, "VALUE_FORM"],
];
it.each(refused.map((row) => [named(row), row] as const))("%s are refused", (_, [size, value, code]) => {
  expect(() => encode(size, value)).toThrow(expect.objectContaining({ code }));
});

it("an ambiguous text's hint has both, and both are taken", () => {
  const text = "9007199254740993";
  const hint = "write 0x9007199254740993 for the bytes, 0x0100000000002000 for the number";
  expect(() => encode(8, text)).toThrow(expect.objectContaining({ hint }));
  expect(encode(8, "0x9007199254740993")).toBe(text);
  expect(encode(8, "0x0100000000002000")).toBe(encode(8, 9007199254740993n));
});
