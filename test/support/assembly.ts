/** Small programs for tests of the machine: assembler text around one function `main` of section `xdp`. */
import { assemble, type BpfObject } from "../../src/object/index.ts";

/** `declarations` stand before the program: `.map …`, `.data …`. */
export function programOf(code: string, declarations = "", more = ""): BpfObject {
  return assemble(`.license "GPL"\n${declarations}\n.section xdp\n.global main\n${code}\n${more}`, { file: "test.s" });
}
