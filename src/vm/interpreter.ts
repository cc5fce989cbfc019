/**
 * The reference engine: one loop over the text, every access checked against the object that its pointer was made for.
 *
 * Registers are pairs of 32-bit halves; no BigInt on this path. The operations are numbered as in operations.ts: the
 * numbers are literals because V8 makes a jump table of literals only. Objects up to 2 (ObjectId) and origins that are no
 * pointers take the long way. Limits are read again after each call, since a helper may move the packet.
 */

import { helperById } from "../uapi/index.ts";
import { divide32, divide64, divideSigned32, divideSigned64, multiply64, swap32 } from "./arithmetic.ts";
import { atomic32, atomic64 } from "./atomics.ts";
import type { Cpu } from "./cpu.ts";
import { decide, mix, mixOne, narrow } from "./origin.ts";

/** Why the loop ended. */
export const Stop = { Exit: 0, Budget: 1, Breakpoint: 2 } as const;
export type StopReason = (typeof Stop)[keyof typeof Stop];

/** Runs from `cpu.pc` until the program ends, the budget is spent, or a breakpoint is met. Faults are thrown. */
export function interpret(cpu: Cpu): StopReason {
  const { regs, origins, memory } = cpu;
  const { code } = cpu.text;
  let { view, bytes, limits, stores } = memory;
  const { origins: slots, bases } = cpu.shadow;
  const stack = cpu.stack.start;
  let { pc, budget } = cpu;
  for (;;) {
    if (--budget < 0) return finish(cpu, pc, 0, Stop.Budget);
    const i = pc << 2;
    const word = code[i]!;
    const d = word >> 8;
    const s = code[i + 1]!;
    switch (word & 0xff) {
      case 0: {
        // add64
        if (origins[s] !== 0 || origins[d]! < 0) mix(cpu, pc, 0, d, s);
        const low = regs[d]!;
        const sum = (low + regs[s]!) | 0;
        regs[d + 1] = regs[d + 1]! + regs[s + 1]! + (sum >>> 0 < low >>> 0 ? 1 : 0);
        regs[d] = sum;
        pc++;
        continue;
      }
      case 1: {
        // sub64
        if (origins[s] !== 0 || origins[d]! < 0) mix(cpu, pc, 1, d, s);
        const low = regs[d]!;
        const take = regs[s]!;
        regs[d + 1] = regs[d + 1]! - regs[s + 1]! - (low >>> 0 < take >>> 0 ? 1 : 0);
        regs[d] = low - take;
        pc++;
        continue;
      }
      case 2: // mul64
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 2, d, s);
        multiply64(regs, d, s);
        pc++;
        continue;
      case 3: // div64
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 3, d, s);
        divide64(regs, d, s, false);
        pc++;
        continue;
      case 9: // mod64
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 9, d, s);
        divide64(regs, d, s, true);
        pc++;
        continue;
      case 13: // sdiv64
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 13, d, s);
        divideSigned64(regs, d, s, false);
        pc++;
        continue;
      case 14: // smod64
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 14, d, s);
        divideSigned64(regs, d, s, true);
        pc++;
        continue;
      case 4: // or64
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 4, d, s);
        regs[d] = regs[d]! | regs[s]!;
        regs[d + 1] = regs[d + 1]! | regs[s + 1]!;
        pc++;
        continue;
      case 5: // and64
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 5, d, s);
        regs[d] = regs[d]! & regs[s]!;
        regs[d + 1] = regs[d + 1]! & regs[s + 1]!;
        pc++;
        continue;
      case 10: // xor64
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 10, d, s);
        regs[d] = regs[d]! ^ regs[s]!;
        regs[d + 1] = regs[d + 1]! ^ regs[s + 1]!;
        pc++;
        continue;
      case 6: {
        // lsh64
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 6, d, s);
        const n = regs[s]! & 63;
        const low = regs[d]!;
        if (n >= 32) {
          regs[d + 1] = low << (n - 32);
          regs[d] = 0;
        } else if (n > 0) {
          regs[d + 1] = (regs[d + 1]! << n) | (low >>> (32 - n));
          regs[d] = low << n;
        }
        pc++;
        continue;
      }
      case 7: {
        // rsh64
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 7, d, s);
        const n = regs[s]! & 63;
        const high = regs[d + 1]!;
        if (n >= 32) {
          regs[d] = high >>> (n - 32);
          regs[d + 1] = 0;
        } else if (n > 0) {
          regs[d] = (regs[d]! >>> n) | (high << (32 - n));
          regs[d + 1] = high >>> n;
        }
        pc++;
        continue;
      }
      case 12: {
        // arsh64
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 12, d, s);
        const n = regs[s]! & 63;
        const high = regs[d + 1]!;
        if (n >= 32) {
          regs[d] = high >> (n - 32);
          regs[d + 1] = high >> 31;
        } else if (n > 0) {
          regs[d] = (regs[d]! >>> n) | (high << (32 - n));
          regs[d + 1] = high >> n;
        }
        pc++;
        continue;
      }
      case 8: {
        // neg64
        if (origins[d] !== 0) mixOne(cpu, pc, 8, d);
        const low = regs[d]!;
        regs[d] = -low;
        regs[d + 1] = low === 0 ? -regs[d + 1]! : ~regs[d + 1]!;
        pc++;
        continue;
      }
      case 11: {
        // mov64
        const origin = origins[s]!;
        origins[d] = origin;
        if (origin !== 0) {
          if (origin === -1) cpu.unset(pc, s);
          origins[d + 1] = origins[s + 1]!;
        }
        regs[d + 1] = regs[s + 1]!;
        regs[d] = regs[s]!;
        pc++;
        continue;
      }
      case 15: // add32
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 15, d, s);
        regs[d] = regs[d]! + regs[s]!;
        regs[d + 1] = 0;
        pc++;
        continue;
      case 16: // sub32
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 16, d, s);
        regs[d] = regs[d]! - regs[s]!;
        regs[d + 1] = 0;
        pc++;
        continue;
      case 17: // mul32
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 17, d, s);
        regs[d] = Math.imul(regs[d]!, regs[s]!);
        regs[d + 1] = 0;
        pc++;
        continue;
      case 19: // or32
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 19, d, s);
        regs[d] = regs[d]! | regs[s]!;
        regs[d + 1] = 0;
        pc++;
        continue;
      case 20: // and32
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 20, d, s);
        regs[d] = regs[d]! & regs[s]!;
        regs[d + 1] = 0;
        pc++;
        continue;
      case 25: // xor32
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 25, d, s);
        regs[d] = regs[d]! ^ regs[s]!;
        regs[d + 1] = 0;
        pc++;
        continue;
      case 21: // lsh32
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 21, d, s);
        regs[d] = regs[d]! << regs[s]!;
        regs[d + 1] = 0;
        pc++;
        continue;
      case 22: // rsh32
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 22, d, s);
        regs[d] = regs[d]! >>> regs[s]!;
        regs[d + 1] = 0;
        pc++;
        continue;
      case 27: // arsh32
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 27, d, s);
        regs[d] = regs[d]! >> regs[s]!;
        regs[d + 1] = 0;
        pc++;
        continue;
      case 23: // neg32
        if (origins[d] !== 0) mixOne(cpu, pc, 23, d);
        regs[d] = -regs[d]!;
        regs[d + 1] = 0;
        pc++;
        continue;
      case 26: // mov32
        if (origins[s]! < 0) narrow(cpu, pc, d, s, 4, 0);
        else origins[d] = 0;
        regs[d] = regs[s]!;
        regs[d + 1] = 0;
        pc++;
        continue;
      case 18: // div32
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 18, d, s);
        regs[d] = divide32(regs[d]!, regs[s]!, false);
        regs[d + 1] = 0;
        pc++;
        continue;
      case 24: // mod32
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 24, d, s);
        regs[d] = divide32(regs[d]!, regs[s]!, true);
        regs[d + 1] = 0;
        pc++;
        continue;
      case 28: // sdiv32
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 28, d, s);
        regs[d] = divideSigned32(regs[d]!, regs[s]!, false);
        regs[d + 1] = 0;
        pc++;
        continue;
      case 29: // smod32
        if ((origins[d]! | origins[s]!) !== 0) mix(cpu, pc, 29, d, s);
        regs[d] = divideSigned32(regs[d]!, regs[s]!, true);
        regs[d + 1] = 0;
        pc++;
        continue;
      case 30: {
        // movsx8_64
        if (origins[s]! < 0) narrow(cpu, pc, d, s, 1, 0xff);
        else origins[d] = 0;
        const value = (regs[s]! << 24) >> 24;
        regs[d] = value;
        regs[d + 1] = value >> 31;
        pc++;
        continue;
      }
      case 33: // movsx8_32
        if (origins[s]! < 0) narrow(cpu, pc, d, s, 1, 0x0f);
        else origins[d] = 0;
        regs[d] = (regs[s]! << 24) >> 24;
        regs[d + 1] = 0;
        pc++;
        continue;
      case 31: {
        // movsx16_64
        if (origins[s]! < 0) narrow(cpu, pc, d, s, 2, 0xff);
        else origins[d] = 0;
        const value = (regs[s]! << 16) >> 16;
        regs[d] = value;
        regs[d + 1] = value >> 31;
        pc++;
        continue;
      }
      case 34: // movsx16_32
        if (origins[s]! < 0) narrow(cpu, pc, d, s, 2, 0x0f);
        else origins[d] = 0;
        regs[d] = (regs[s]! << 16) >> 16;
        regs[d + 1] = 0;
        pc++;
        continue;
      case 32: {
        // movsx32_64
        if (origins[s]! < 0) narrow(cpu, pc, d, s, 4, 0xff);
        else origins[d] = 0;
        const value = regs[s]!;
        regs[d] = value;
        regs[d + 1] = value >> 31;
        pc++;
        continue;
      }
      case 35: {
        // swap16
        if (origins[d] !== 0) mixOne(cpu, pc, 35, d);
        const value = regs[d]!;
        regs[d] = ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
        regs[d + 1] = 0;
        pc++;
        continue;
      }
      case 36: // swap32
        if (origins[d] !== 0) mixOne(cpu, pc, 36, d);
        regs[d] = swap32(regs[d]!);
        regs[d + 1] = 0;
        pc++;
        continue;
      case 37: {
        // swap64
        if (origins[d] !== 0) mixOne(cpu, pc, 37, d);
        const low = regs[d]!;
        regs[d] = swap32(regs[d + 1]!);
        regs[d + 1] = swap32(low);
        pc++;
        continue;
      }
      case 38: // le16
        if (origins[d] !== 0) mixOne(cpu, pc, 38, d);
        regs[d] = regs[d]! & 0xffff;
        regs[d + 1] = 0;
        pc++;
        continue;
      case 39: // le32
        if (origins[d] !== 0) mixOne(cpu, pc, 39, d);
        regs[d + 1] = 0;
        pc++;
        continue;
      case 40: // le64
        if (origins[d] !== 0) mixOne(cpu, pc, 40, d);
        // Nothing changes on a little-endian machine.
        pc++;
        continue;
      case 41: // jeq64
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 8);
        pc = regs[d] === regs[s] && regs[d + 1] === regs[s + 1] ? code[i + 2]! : pc + 1;
        continue;
      case 45: // jne64
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 8);
        pc = regs[d] !== regs[s] || regs[d + 1] !== regs[s + 1] ? code[i + 2]! : pc + 1;
        continue;
      case 44: // jset64
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 8);
        pc = (regs[d]! & regs[s]!) !== 0 || (regs[d + 1]! & regs[s + 1]!) !== 0 ? code[i + 2]! : pc + 1;
        continue;
      case 42: {
        // jgt64
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 8);
        const high = regs[d + 1]! >>> 0;
        const other = regs[s + 1]! >>> 0;
        const holds = high === other ? regs[d]! >>> 0 > regs[s]! >>> 0 : high > other;
        pc = holds ? code[i + 2]! : pc + 1;
        continue;
      }
      case 43: {
        // jge64
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 8);
        const high = regs[d + 1]! >>> 0;
        const other = regs[s + 1]! >>> 0;
        const holds = high === other ? regs[d]! >>> 0 >= regs[s]! >>> 0 : high > other;
        pc = holds ? code[i + 2]! : pc + 1;
        continue;
      }
      case 48: {
        // jlt64
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 8);
        const high = regs[d + 1]! >>> 0;
        const other = regs[s + 1]! >>> 0;
        const holds = high === other ? regs[d]! >>> 0 < regs[s]! >>> 0 : high < other;
        pc = holds ? code[i + 2]! : pc + 1;
        continue;
      }
      case 49: {
        // jle64
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 8);
        const high = regs[d + 1]! >>> 0;
        const other = regs[s + 1]! >>> 0;
        const holds = high === other ? regs[d]! >>> 0 <= regs[s]! >>> 0 : high < other;
        pc = holds ? code[i + 2]! : pc + 1;
        continue;
      }
      case 46: {
        // jsgt64
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 8);
        const high = regs[d + 1]!;
        const other = regs[s + 1]!;
        const holds = high === other ? regs[d]! >>> 0 > regs[s]! >>> 0 : high > other;
        pc = holds ? code[i + 2]! : pc + 1;
        continue;
      }
      case 47: {
        // jsge64
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 8);
        const high = regs[d + 1]!;
        const other = regs[s + 1]!;
        const holds = high === other ? regs[d]! >>> 0 >= regs[s]! >>> 0 : high > other;
        pc = holds ? code[i + 2]! : pc + 1;
        continue;
      }
      case 50: {
        // jslt64
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 8);
        const high = regs[d + 1]!;
        const other = regs[s + 1]!;
        const holds = high === other ? regs[d]! >>> 0 < regs[s]! >>> 0 : high < other;
        pc = holds ? code[i + 2]! : pc + 1;
        continue;
      }
      case 51: {
        // jsle64
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 8);
        const high = regs[d + 1]!;
        const other = regs[s + 1]!;
        const holds = high === other ? regs[d]! >>> 0 <= regs[s]! >>> 0 : high < other;
        pc = holds ? code[i + 2]! : pc + 1;
        continue;
      }
      case 52: // jeq32
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 4);
        pc = regs[d] === regs[s] ? code[i + 2]! : pc + 1;
        continue;
      case 56: // jne32
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 4);
        pc = regs[d] !== regs[s] ? code[i + 2]! : pc + 1;
        continue;
      case 55: // jset32
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 4);
        pc = (regs[d]! & regs[s]!) !== 0 ? code[i + 2]! : pc + 1;
        continue;
      case 53: // jgt32
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 4);
        pc = regs[d]! >>> 0 > regs[s]! >>> 0 ? code[i + 2]! : pc + 1;
        continue;
      case 54: // jge32
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 4);
        pc = regs[d]! >>> 0 >= regs[s]! >>> 0 ? code[i + 2]! : pc + 1;
        continue;
      case 59: // jlt32
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 4);
        pc = regs[d]! >>> 0 < regs[s]! >>> 0 ? code[i + 2]! : pc + 1;
        continue;
      case 60: // jle32
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 4);
        pc = regs[d]! >>> 0 <= regs[s]! >>> 0 ? code[i + 2]! : pc + 1;
        continue;
      case 57: // jsgt32
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 4);
        pc = regs[d]! > regs[s]! ? code[i + 2]! : pc + 1;
        continue;
      case 58: // jsge32
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 4);
        pc = regs[d]! >= regs[s]! ? code[i + 2]! : pc + 1;
        continue;
      case 61: // jslt32
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 4);
        pc = regs[d]! < regs[s]! ? code[i + 2]! : pc + 1;
        continue;
      case 62: // jsle32
        if ((origins[d]! | origins[s]!) < 0) decide(cpu, pc, d, s, 4);
        pc = regs[d]! <= regs[s]! ? code[i + 2]! : pc + 1;
        continue;
      case 63: // ja
        pc = code[i + 2]!;
        continue;
      case 64: // may_goto
        pc = cpu.spendMayGoto() ? pc + 1 : code[i + 2]!;
        continue;
      case 65: // exit
        if (cpu.depth === 0) {
          if (origins[0]! < 0) cpu.checkVerdict(pc);
          return finish(cpu, pc, budget, Stop.Exit);
        }
        cpu.pc = pc;
        cpu.leave();
        pc = cpu.next;
        // A helper that goes on after its callback may have grown the memory.
        ({ view, bytes, limits, stores } = memory);
        continue;
      case 66: // call
        cpu.pc = pc;
        cpu.next = pc + 1;
        cpu.entered = false;
        origins[0] = -1;
        callHelper(cpu, code[i + 3]!);
        if (!cpu.entered) cpu.forgetArguments(pc);
        pc = cpu.next;
        ({ view, bytes, limits, stores } = memory);
        continue;
      case 68: // call_kfunc
        cpu.pc = pc;
        cpu.next = pc + 1;
        cpu.entered = false;
        origins[0] = -1;
        cpu.kfuncs[code[i + 3]!]!(cpu);
        if (!cpu.entered) cpu.forgetArguments(pc);
        pc = cpu.next;
        ({ view, bytes, limits, stores } = memory);
        continue;
      case 67: // call_local
        cpu.pc = pc;
        cpu.enter(code[i + 2]!, pc + 1);
        pc = cpu.next;
        continue;
      case 69: {
        // ldx_b
        const a = (regs[s]! + code[i + 2]!) | 0;
        const object = origins[s]!;
        if (
          (object > 2 && regs[s + 1] === 0 && (a - origins[s + 1]!) >>> 0 <= limits[object]! - 1) ||
          (object === 2 &&
            (a & 7) <= 7 &&
            regs[s + 1] === 0 &&
            origins[s + 1] === origins[21] &&
            (a - origins[21]!) >>> 0 <= 511 &&
            slots[(a - stack) >> 3]! >= 0)
        ) {
          origins[d] = 0;
        } else cpu.load(pc, d, s, a, 1);
        regs[d] = bytes[a]!;
        regs[d + 1] = 0;
        pc++;
        continue;
      }
      case 70: {
        // ldx_h
        const a = (regs[s]! + code[i + 2]!) | 0;
        const object = origins[s]!;
        if (
          (object > 2 && regs[s + 1] === 0 && (a - origins[s + 1]!) >>> 0 <= limits[object]! - 2) ||
          (object === 2 &&
            (a & 7) <= 6 &&
            regs[s + 1] === 0 &&
            origins[s + 1] === origins[21] &&
            (a - origins[21]!) >>> 0 <= 510 &&
            slots[(a - stack) >> 3]! >= 0)
        ) {
          origins[d] = 0;
        } else cpu.load(pc, d, s, a, 2);
        regs[d] = view.getUint16(a, true);
        regs[d + 1] = 0;
        pc++;
        continue;
      }
      case 71: {
        // ldx_w
        const a = (regs[s]! + code[i + 2]!) | 0;
        const object = origins[s]!;
        if (
          (object > 2 && regs[s + 1] === 0 && (a - origins[s + 1]!) >>> 0 <= limits[object]! - 4) ||
          (object === 2 &&
            (a & 7) <= 4 &&
            regs[s + 1] === 0 &&
            origins[s + 1] === origins[21] &&
            (a - origins[21]!) >>> 0 <= 508 &&
            slots[(a - stack) >> 3]! >= 0)
        ) {
          origins[d] = 0;
        } else cpu.load(pc, d, s, a, 4);
        regs[d] = view.getInt32(a, true);
        regs[d + 1] = 0;
        pc++;
        continue;
      }
      case 72: {
        // ldx_dw
        const a = (regs[s]! + code[i + 2]!) | 0;
        const object = origins[s]!;
        if (object > 2 && regs[s + 1] === 0 && (a - origins[s + 1]!) >>> 0 <= limits[object]! - 8) {
          origins[d] = 0;
        } else if (
          object === 2 &&
          (a & 7) === 0 &&
          regs[s + 1] === 0 &&
          origins[s + 1] === origins[21] &&
          (a - origins[21]!) >>> 0 <= 504 &&
          slots[(a - stack) >> 3]! >= 0
        ) {
          const slot = (a - stack) >> 3;
          origins[d] = slots[slot]!;
          origins[d + 1] = bases[slot]!;
        } else cpu.load(pc, d, s, a, 8);
        regs[d] = view.getInt32(a, true);
        regs[d + 1] = view.getInt32(a + 4, true);
        pc++;
        continue;
      }
      case 77: {
        // ldxs_b
        const a = (regs[s]! + code[i + 2]!) | 0;
        const object = origins[s]!;
        if (
          (object > 2 && regs[s + 1] === 0 && (a - origins[s + 1]!) >>> 0 <= limits[object]! - 1) ||
          (object === 2 &&
            (a & 7) <= 7 &&
            regs[s + 1] === 0 &&
            origins[s + 1] === origins[21] &&
            (a - origins[21]!) >>> 0 <= 511 &&
            slots[(a - stack) >> 3]! >= 0)
        ) {
          origins[d] = 0;
        } else cpu.load(pc, d, s, a, 1);
        if (origins[d] !== 0) narrow(cpu, pc, d, d, 1, 0xff);
        const value = view.getInt8(a);
        regs[d] = value;
        regs[d + 1] = value >> 31;
        pc++;
        continue;
      }
      case 78: {
        // ldxs_h
        const a = (regs[s]! + code[i + 2]!) | 0;
        const object = origins[s]!;
        if (
          (object > 2 && regs[s + 1] === 0 && (a - origins[s + 1]!) >>> 0 <= limits[object]! - 2) ||
          (object === 2 &&
            (a & 7) <= 6 &&
            regs[s + 1] === 0 &&
            origins[s + 1] === origins[21] &&
            (a - origins[21]!) >>> 0 <= 510 &&
            slots[(a - stack) >> 3]! >= 0)
        ) {
          origins[d] = 0;
        } else cpu.load(pc, d, s, a, 2);
        if (origins[d] !== 0) narrow(cpu, pc, d, d, 2, 0xff);
        const value = view.getInt16(a, true);
        regs[d] = value;
        regs[d + 1] = value >> 31;
        pc++;
        continue;
      }
      case 79: {
        // ldxs_w
        const a = (regs[s]! + code[i + 2]!) | 0;
        const object = origins[s]!;
        if (
          (object > 2 && regs[s + 1] === 0 && (a - origins[s + 1]!) >>> 0 <= limits[object]! - 4) ||
          (object === 2 &&
            (a & 7) <= 4 &&
            regs[s + 1] === 0 &&
            origins[s + 1] === origins[21] &&
            (a - origins[21]!) >>> 0 <= 508 &&
            slots[(a - stack) >> 3]! >= 0)
        ) {
          origins[d] = 0;
        } else cpu.load(pc, d, s, a, 4);
        if (origins[d] !== 0) narrow(cpu, pc, d, d, 4, 0xff);
        const value = view.getInt32(a, true);
        regs[d] = value;
        regs[d + 1] = value >> 31;
        pc++;
        continue;
      }
      case 73: {
        // stx_b
        const a = (regs[d]! + code[i + 2]!) | 0;
        const object = origins[d]!;
        if (
          !(
            origins[s]! >= 0 &&
            regs[d + 1] === 0 &&
            ((object > 2 && (a - origins[d + 1]!) >>> 0 <= stores[object]! - 1) ||
              (object === 2 &&
                (a & 7) <= 7 &&
                origins[d + 1] === origins[21] &&
                (a - origins[21]!) >>> 0 <= 511 &&
                slots[(a - stack) >> 3] === 0))
          )
        ) {
          cpu.store(pc, d, s, a, 1);
        }
        bytes[a] = regs[s]!;
        pc++;
        continue;
      }
      case 74: {
        // stx_h
        const a = (regs[d]! + code[i + 2]!) | 0;
        const object = origins[d]!;
        if (
          !(
            origins[s]! >= 0 &&
            regs[d + 1] === 0 &&
            ((object > 2 && (a - origins[d + 1]!) >>> 0 <= stores[object]! - 2) ||
              (object === 2 &&
                (a & 7) <= 6 &&
                origins[d + 1] === origins[21] &&
                (a - origins[21]!) >>> 0 <= 510 &&
                slots[(a - stack) >> 3] === 0))
          )
        ) {
          cpu.store(pc, d, s, a, 2);
        }
        view.setInt16(a, regs[s]!, true);
        pc++;
        continue;
      }
      case 75: {
        // stx_w
        const a = (regs[d]! + code[i + 2]!) | 0;
        const object = origins[d]!;
        if (
          !(
            origins[s]! >= 0 &&
            regs[d + 1] === 0 &&
            ((object > 2 && (a - origins[d + 1]!) >>> 0 <= stores[object]! - 4) ||
              (object === 2 &&
                (a & 7) <= 4 &&
                origins[d + 1] === origins[21] &&
                (a - origins[21]!) >>> 0 <= 508 &&
                slots[(a - stack) >> 3] === 0))
          )
        ) {
          cpu.store(pc, d, s, a, 4);
        }
        view.setInt32(a, regs[s]!, true);
        pc++;
        continue;
      }
      case 76: {
        // stx_dw
        const a = (regs[d]! + code[i + 2]!) | 0;
        const object = origins[d]!;
        const origin = origins[s]!;
        if (!(object > 2 && origin >= 0 && regs[d + 1] === 0 && (a - origins[d + 1]!) >>> 0 <= stores[object]! - 8)) {
          if (
            object === 2 &&
            origin >= 0 &&
            origin !== 2 &&
            (a & 7) === 0 &&
            regs[d + 1] === 0 &&
            origins[d + 1] === origins[21] &&
            (a - origins[21]!) >>> 0 <= 504 &&
            slots[(a - stack) >> 3]! >= 0
          ) {
            const slot = (a - stack) >> 3;
            slots[slot] = origin;
            bases[slot] = origins[s + 1]!;
          } else cpu.store(pc, d, s, a, 8);
        }
        view.setInt32(a, regs[s]!, true);
        view.setInt32(a + 4, regs[s + 1]!, true);
        pc++;
        continue;
      }
      case 80: {
        // atomic_w
        const a = (regs[d]! + code[i + 2]!) | 0;
        cpu.atomic(pc, d, s, a, 4, code[i + 3]!);
        atomic32(regs, view, a, s, code[i + 3]!);
        pc++;
        continue;
      }
      case 81: {
        // atomic_dw
        const a = (regs[d]! + code[i + 2]!) | 0;
        cpu.atomic(pc, d, s, a, 8, code[i + 3]!);
        atomic64(regs, view, a, s, code[i + 3]!);
        pc++;
        continue;
      }
      case 82: // ld_imm64
        origins[d] = origins[s]!;
        origins[d + 1] = origins[s + 1]!;
        regs[d + 1] = regs[s + 1]!;
        regs[d] = regs[s]!;
        pc += 2;
        continue;
      case 83: // ld_abs
        cpu.pc = pc;
        throw cpu.error("VM_BAD_INSTRUCTION", { text: `${cpu.print(pc)} (XDP has no legacy packet loads)` });
      case 84: // ld_ind
        cpu.pc = pc;
        throw cpu.error("VM_BAD_INSTRUCTION", { text: `${cpu.print(pc)} (XDP has no legacy packet loads)` });
      case 86: // break
        return finish(cpu, pc, budget + 1, Stop.Breakpoint);
      default:
        cpu.pc = pc;
        throw cpu.error("VM_BAD_INSTRUCTION", { text: cpu.print(pc) });
    }
  }
}

function finish(cpu: Cpu, pc: number, budget: number, reason: StopReason): StopReason {
  cpu.pc = pc;
  cpu.budget = budget;
  return reason;
}

function callHelper(cpu: Cpu, id: number): void {
  const helper = cpu.helpers[id];
  if (helper !== undefined) {
    helper(cpu);
    return;
  }
  const known = helperById(id);
  if (!known) throw cpu.error("VM_UNKNOWN_HELPER", { id });
  const reason = known.xdp ? "its effect needs the kernel" : "XDP programs may not call it";
  throw cpu.error("VM_UNSUPPORTED_HELPER", { name: known.name, reason });
}
