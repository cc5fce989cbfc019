/** Why calculations with pointers, and registers that hold nothing, are refused. */
import { registerState, type VerifierLog } from "../verifier-log.ts";
import type { Reason } from "./reason.ts";

const callBefore = ({ path }: VerifierLog): boolean => path.some((line) => /\(85\) call /.test(line));
const isExit = ({ path }: VerifierLog): boolean => /\(95\) exit/.test(path.at(-1) ?? "");

export const pointerReasons: readonly Reason[] = [
  {
    sentence: /^(R\d+) !read_ok/,
    reason: ([register], log) => {
      if (register === "R0" && isExit(log))
        return "it ends without a return value: nothing was put into R0 on this path";
      if (/^R[1-5]$/.test(register!) && callBefore(log) && registerState(log, register!))
        return `${register} is read after a call, which leaves nothing in R1 to R5`;
      return `${register} is read, but nothing was put into it on this path`;
    },
    hint: ([register], log) =>
      register === "R0" && isExit(log)
        ? "return an XDP action (XDP_PASS, …) on every path"
        : /^R[1-5]$/.test(register!) && callBefore(log)
          ? "keep what is needed behind a call in R6 to R9 or on the stack; functions get as many arguments as they read"
          : "give the variable a value where it is declared",
  },
  {
    sentence: /^math between (\w+) pointer and register with unbounded min value/,
    reason: ([kind]) => `a number that may be anything is added to or subtracted from a pointer (${kind})`,
    hint: "bound the number right before: compare it unsigned with an upper bound, or mask it (x &= 0xff)",
  },
  {
    sentence:
      /^math between (\w+) pointer and (-?\d+) is not allowed|^value (-?\d+) makes (\w+) pointer be out of bounds/,
    reason: ([kind, value, value2, kind2]) =>
      `${value ?? value2} is added to a pointer (${kind ?? kind2}), which moves it too far (the limit is 2^29)`,
    hint: "keep offsets small; the number is perhaps negative or not what was meant",
  },
  {
    sentence: /^(R\d+) pointer arithmetic on (\w+_or_null) prohibited/,
    reason: ([register]) => `${register} may be null, and is calculated with`,
    hint: ([register]) => `compare ${register} with null (0) first, and calculate where it is not`,
  },
  {
    sentence: /^(R\d+) pointer arithmetic on (\w+) prohibited/,
    reason: ([register, kind]) => `${register} is of kind ${kind}, and such pointers cannot be moved`,
    hint: ([, kind]) =>
      kind === "pkt_end" ? "move data instead of data_end: data + n <= data_end" : "pass it on as it is",
  },
  {
    sentence: /^(R\d+) (?:pointer arithmetic with (\S+) operator|bitwise operator (\S+) on pointer) prohibited/,
    reason: ([register, operator, bitwise]) =>
      `${register} is a pointer, and ${operator ?? bitwise} cannot be applied to it`,
    hint: "calculate with numbers first, and add the result to the pointer",
  },
  {
    sentence: /^(R\d+) 32-bit pointer arithmetic prohibited/,
    reason: ([register]) => `${register} is a pointer, and a 32-bit operation would cut it off`,
    hint: "calculate with 64-bit types (long, void *), not with int",
  },
  {
    sentence: /^(R\d+) pointer (\+=|-=) pointer prohibited/,
    reason: ([, operator]) => `${operator} is applied to two pointers of different kinds, or adds two pointers`,
    hint: "add a number to a pointer; subtract only pointers into the same memory",
  },
  {
    sentence: /^(R\d+) tried to subtract pointer from scalar/,
    reason: "a pointer is subtracted from a number",
    hint: "subtract the number from the pointer, or one packet pointer from another",
  },
  {
    sentence: /^(R\d+) tried to (?:add|subtract) .*|^(R\d+) has unknown scalar|(R\d+) has pointer with unsupported alu/,
    reason: "the verifier cannot bound what this calculation with a pointer gives",
    hint: "bound the number before it is added, or load with CAP_PERFMON, which allows more",
  },
  {
    sentence: /^(R\d+) leaks addr (?:as|into) (.+)/,
    reason: ([register, ,]) => `${register} is an address of the kernel, and it would get out to user space`,
    hint: "store or return a number; with CAP_PERFMON addresses may be stored",
  },
  {
    sentence: /pointer comparison prohibited/,
    reason: "pointers of different kinds, or a pointer and a number, are compared",
    hint: "compare pointers into the packet with data_end, others with null; with CAP_PERFMON all may be compared",
  },
  {
    sentence: /^R\d+ subtraction from stack pointer prohibited/,
    reason: "something is subtracted from a pointer to the stack",
    hint: "add a negative constant instead",
  },
  {
    sentence: /^cannot return stack pointer to the caller/,
    reason: "a function returns an address of its own stack frame, which ends with it",
    hint: "let the caller pass the memory, or return a number",
  },
  {
    sentence: /^frame pointer is read only/,
    reason: "R10, the frame pointer, is written",
    hint: "copy it to another register and change that",
  },
  {
    sentence:
      /^At (?:program|subprogram|callback|async callback) exit the register R0 has (.+?) should have been in (.+)/,
    reason: ([have, range]) => `it returns ${have}, where only ${range} is allowed`,
    hint: "return one of the allowed values on every path",
  },
  {
    sentence: /R0 is not a scalar value|R0 not a scalar value|doesn't return scalar|return value not void or scalar/,
    reason: "a pointer is returned where a number is needed",
    hint: "return an XDP action or another number",
  },
];
