/** The smallest XDP program, for questions to the kernel that need one: it passes every packet. */
import { ProgramType } from "../uapi/index.ts";
import { type KernelProgram, loadProgram } from "./programs.ts";

/** BPF_MOV64_IMM(r0, XDP_PASS), BPF_EXIT. */
const PASS = Uint8Array.of(0xb7, 0, 0, 0, 2, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0);

/** Loaded, not attached. @throws XdpkitError KERNEL_REFUSED, KERNEL_UNAVAILABLE */
export const loadPass = (name: string): KernelProgram =>
  loadProgram({ name, type: ProgramType.XDP, instructions: PASS, license: "GPL" });
