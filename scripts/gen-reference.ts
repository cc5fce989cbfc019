/** `npm run gen`: writes docs/reference from what the package exports. */
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { headersPage } from "./docs/headers.ts";
import { pageOf } from "./docs/markdown.ts";
import { publicApi, textOf } from "./docs/public-names.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = `${root}docs/reference`;
const { checker, modules } = publicApi(root);
mkdirSync(folder, { recursive: true });

const pages = modules.filter(({ names }) => names.length > 0);
for (const module of pages) writeFileSync(`${folder}/${fileOf(module.name)}`, pageOf(checker, module));

const headers = modules.find(({ name }) => name === "xdpkit/packet")!.names;
const textOfHeader = (name: string): string => textOf(checker, headers.find((one) => one.name === name)!);
writeFileSync(`${folder}/headers.md`, headersPage(textOfHeader));

const links = [
  ...pages.map(({ name }) => `- [${name}](${fileOf(name)})`),
  "- [headers of xdpkit/packet](headers.md), field by field",
];
writeFileSync(
  `${folder}/README.md`,
  `# Reference\n\nMade from the source by \`npm run gen\`.\n\n${links.join("\n")}\n`,
);

function fileOf(module: string): string {
  return `${module.replace(/^xdpkit\/?/, "").replaceAll("/", "-") || "xdpkit"}.md`;
}
