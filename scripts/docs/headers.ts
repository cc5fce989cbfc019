/** The headers of `xdpkit/packet` as tables of their fields. */
import * as packet from "../../src/packet/index.ts";
import { type Layout, layoutOf } from "../../src/schema/index.ts";

export function headersPage(textOf: (name: string) => string): string {
  const sections = Object.entries(packet).flatMap(([name, value]) => {
    const layout = structOf(value);
    return layout ? [sectionOf(name, layout, textOf(name))] : [];
  });
  const intro =
    "Made from the source by `npm run gen`. Offsets and widths are bits from the beginning of the header; numbers are in network order.";
  return `# Headers of xdpkit/packet\n\n${intro}\n\n${sections.sort().join("\n")}`;
}

function structOf(value: unknown): Extract<Layout, { kind: "struct" }> | undefined {
  if (typeof value !== "function") return undefined;
  try {
    const layout = layoutOf(value as never);
    return layout.kind === "struct" ? layout : undefined;
  } catch {
    return undefined; // a class that is no layout
  }
}

function sectionOf(name: string, layout: Extract<Layout, { kind: "struct" }>, text: string): string {
  const rows = layout.fields.map(
    ({ name: field, offsetBits, layout: of }) => `| \`${field}\` | ${offsetBits} | ${bitsOf(of)} | ${typeOf(of)} |`,
  );
  const table = ["| field | offset | width | type |", "| --- | --- | --- | --- |", ...rows].join("\n");
  const size = new RegExp(`\\b${layout.size} bytes`).test(text) ? "" : ` ${layout.size} bytes.`;
  return `## ${name}\n\n${text}${size}\n\n${table}\n`;
}

const bitsOf = (layout: Layout): number => (layout.kind === "bits" ? layout.width : 8 * layout.size);

function typeOf(layout: Layout): string {
  if (layout.kind === "integer") return `${layout.signed ? "i" : "u"}${8 * layout.size}`;
  if (layout.kind === "address") return layout.family;
  if (layout.kind === "array") return `${layout.length} × ${typeOf(layout.element)}`;
  return layout.kind;
}
