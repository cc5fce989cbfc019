/** `srv6.yaml`: read, checked by its schema and by what it means. Every mistake has its line and column. */
import { Ajv2020 } from "ajv/dist/2020.js";
import type { SourceLocation } from "xdpkit/errors";
import { isNode, LineCounter, parseDocument } from "yaml";
import { checkConfig, type Mistake } from "./check.ts";
import type { Srv6Config } from "./config.ts";
import { Srv6Error } from "./error.ts";
import { type ConfigFile, SCHEMA } from "./schema.ts";

const validate = new Ajv2020({ allErrors: false, strict: false, verbose: true }).compile(SCHEMA);

/** @throws Srv6Error SRV6_YAML for what is no YAML, SRV6_CONFIG for what is no configuration: the first mistake */
export function readConfig(text: string, file: string): Srv6Config & ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "error" });
  const placeOf = (offset: number): SourceLocation => {
    const { line, col } = lines.linePos(offset);
    return { kind: "source", file, line, column: col, text: text.split("\n")[line - 1] ?? "" };
  };
  const [broken] = document.errors;
  if (broken) {
    const at = placeOf(broken.pos[0]);
    const hint = /:\s*(#.*)?$/.test(at.text ?? "")
      ? { hint: 'an address that ends with :: needs quotes: "fc00:1::"' }
      : {};
    throw new Srv6Error("SRV6_YAML", broken.message, { at, ...hint });
  }
  const config = document.toJS() as Srv6Config & ConfigFile;
  /** The node of a path, or of the nearest around it. */
  const at = (path: readonly (string | number)[]): SourceLocation => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return placeOf(node.range[0]);
    }
    return placeOf(isNode(document.contents) && document.contents.range ? document.contents.range[0] : 0);
  };
  const mistake = schemaMistake(config) ?? checkConfig(config)[0];
  if (!mistake) return config;
  const { path, problem, hint } = mistake;
  throw new Srv6Error("SRV6_CONFIG", `${printPath(path)}${problem}`, {
    at: at(path),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** `sids[3].policy: ` */
const printPath = (path: readonly (string | number)[]): string =>
  path.length === 0
    ? ""
    : `${path.map((step, i) => (typeof step === "number" ? `[${step}]` : i === 0 ? step : `.${step}`)).join("")}: `;

const article = (type: string): string => (/^[aeio]/.test(type) ? `an ${type}` : `a ${type}`);

function schemaMistake(config: unknown): Mistake | undefined {
  if (validate(config)) return undefined;
  const [first] = validate
    .errors!.filter(({ keyword }) => keyword !== "anyOf" && keyword !== "const")
    .concat(validate.errors!);
  const { instancePath, keyword, params, parentSchema, data } = first!;
  const path = instancePath
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  const { description } = (parentSchema ?? {}) as { description?: string };
  const hint = description === undefined ? {} : { hint: description };
  switch (keyword) {
    case "additionalProperties": {
      const { additionalProperty } = params as { additionalProperty: string };
      const known = Object.keys((parentSchema as { properties?: object }).properties ?? {});
      return {
        path: [...path, additionalProperty],
        problem: "nothing is called so",
        hint: `there are ${known.join(", ")}`,
      };
    }
    case "required":
      return { path, problem: `${(params as { missingProperty: string }).missingProperty} is missing`, ...hint };
    case "type":
      return { path, problem: `${JSON.stringify(data)} is not ${article((params as { type: string }).type)}`, ...hint };
    case "enum":
      return {
        path,
        problem: `${JSON.stringify(data)} is none of ${(params as { allowedValues: string[] }).allowedValues.join(", ")}`,
        ...hint,
      };
    default:
      return { path, problem: `${JSON.stringify(data)} ${first!.message}`, ...hint };
  }
}
