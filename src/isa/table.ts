/**
 * The instruction table (RFC 9669 section 4 and 5): the only place where an instruction is declared.
 *
 * A row says which fields are fixed and how the instruction is written; encode, decode, print and parse follow from
 * it. A field that is neither fixed nor an operand of the text is reserved and must be zero. Operands, in braces, are
 * rows of operands.ts.
 *
 * `text` is what llvm-objdump 19 prints. Three exceptions tell apart what it prints alike (calls by `src`, the second
 * half of `ld_pseudo`, the immediate of an indirect packet load); its own text is then `llvm`. `text32` is what it
 * prints with `--mcpu=v3` or newer, where that differs. `also` is read and never printed.
 *
 * Invariant: no two rows accept the same instruction, and no text (`llvm` aside) reads as two instructions.
 */

/** The conformance groups of RFC 9669 section 2.4, and the names of what came after it. */
export type Group = "base32" | "base64" | "divmul32" | "divmul64" | "atomic32" | "atomic64" | "packet" | "linux";

/** The `-mcpu` of clang from which on it emits the instruction. */
export type Version = 1 | 2 | 3 | 4;

/** A row of the instruction table: one instruction as it is encoded, printed and parsed. */
export interface Form {
  /** Unique in the table. */
  readonly name: string;
  /** First byte (RFC 9669 section 3). */
  readonly opcode: number;
  /** Source register that the form needs; absent: any. */
  readonly src?: number;
  /** Offset that the form needs; absent: any. */
  readonly offset?: number;
  /** Immediate that the form needs; absent: any. */
  readonly imm?: number;
  /** How it is written; operands in braces are rows of operands.ts. */
  readonly text: string;
  /** What `llvm-objdump --mcpu=v3` prints, where that differs. */
  readonly text32?: string;
  /** What llvm-objdump prints, where the text tells apart what it prints alike. */
  readonly llvm?: string;
  /** Texts that are read to it, and never printed. */
  readonly also?: readonly string[];
  /** Conformance group of RFC 9669 section 2.4. */
  readonly group: Group;
  /** The oldest `-mcpu` of clang that emits it. */
  readonly version: Version;
}

/** `code` is the upper half of the opcode (RFC 9669 section 4.1). */
const ARITHMETIC = [
  { name: "add", code: 0x00, sign: "+=" },
  { name: "sub", code: 0x10, sign: "-=" },
  { name: "mul", code: 0x20, sign: "*=", divmul: true },
  { name: "div", code: 0x30, sign: "/=", divmul: true },
  { name: "sdiv", code: 0x30, sign: "s/=", divmul: true, offset: 1 },
  { name: "or", code: 0x40, sign: "|=" },
  { name: "and", code: 0x50, sign: "&=" },
  { name: "lsh", code: 0x60, sign: "<<=" },
  { name: "rsh", code: 0x70, sign: ">>=" },
  { name: "mod", code: 0x90, sign: "%=", divmul: true },
  { name: "smod", code: 0x90, sign: "s%=", divmul: true, offset: 1 },
  { name: "xor", code: 0xa0, sign: "^=" },
  { name: "mov", code: 0xb0, sign: "=" },
  { name: "arsh", code: 0xc0, sign: "s>>=" },
] as const satisfies readonly { name: string; code: number; sign: string; divmul?: true; offset?: 1 }[];

/** RFC 9669 section 4.3. */
const CONDITIONS = [
  { name: "jeq", code: 0x10, sign: "==", version: 1 },
  { name: "jgt", code: 0x20, sign: ">", version: 1 },
  { name: "jge", code: 0x30, sign: ">=", version: 1 },
  { name: "jset", code: 0x40, sign: "&", version: 1 },
  { name: "jne", code: 0x50, sign: "!=", version: 1 },
  { name: "jsgt", code: 0x60, sign: "s>", version: 1 },
  { name: "jsge", code: 0x70, sign: "s>=", version: 1 },
  { name: "jlt", code: 0xa0, sign: "<", version: 2 },
  { name: "jle", code: 0xb0, sign: "<=", version: 2 },
  { name: "jslt", code: 0xc0, sign: "s<", version: 2 },
  { name: "jsle", code: 0xd0, sign: "s<=", version: 2 },
] as const satisfies readonly { name: string; code: number; sign: string; version: Version }[];

/** RFC 9669 section 5: `code` is the size bits of the opcode. */
const SIZES = [
  { bits: 32, code: 0x00 },
  { bits: 16, code: 0x08 },
  { bits: 8, code: 0x10 },
  { bits: 64, code: 0x18 },
] as const satisfies readonly { bits: number; code: number }[];

/** RFC 9669 section 5.3: `imm` selects the operation, its bit 0 asks for the old value. */
const ATOMICS = [
  { name: "add", imm: 0x00, sign: "+=" },
  { name: "or", imm: 0x40, sign: "|=" },
  { name: "and", imm: 0x50, sign: "&=" },
  { name: "xor", imm: 0xa0, sign: "^=" },
] as const satisfies readonly { name: string; imm: number; sign: string }[];

/** What is not a family of operations times operand kinds. */
const SINGLES = [
  { name: "neg32", opcode: 0x84, text: "{dst32} = -{dst32}", group: "base32", version: 3 },
  { name: "neg", opcode: 0x87, text: "{dst} = -{dst}", group: "base64", version: 1 },
  { name: "movs8_32", opcode: 0xbc, offset: 8, text: "{dst32} = (s8){src32}", group: "base32", version: 4 },
  { name: "movs16_32", opcode: 0xbc, offset: 16, text: "{dst32} = (s16){src32}", group: "base32", version: 4 },
  { name: "movs8", opcode: 0xbf, offset: 8, text: "{dst} = (s8){src}", group: "base64", version: 4 },
  { name: "movs16", opcode: 0xbf, offset: 16, text: "{dst} = (s16){src}", group: "base64", version: 4 },
  { name: "movs32", opcode: 0xbf, offset: 32, text: "{dst} = (s32){src}", group: "base64", version: 4 },
  {
    name: "addr_space_cast",
    opcode: 0xbf,
    offset: 1,
    text: "{dst} = addr_space_cast({src}, {imm.high16}, {imm.low16})",
    group: "linux",
    version: 4,
  },
  { name: "goto", opcode: 0x05, text: "goto {jump}", group: "base32", version: 1 },
  { name: "gotol", opcode: 0x06, text: "gotol {longJump}", group: "base32", version: 4 },
  { name: "may_goto", opcode: 0xe5, text: "may_goto {jump}", group: "linux", version: 4 },
  { name: "call", opcode: 0x85, src: 0, text: "call {imm}", group: "base32", version: 1 },
  {
    name: "call_local",
    opcode: 0x85,
    src: 1,
    text: "call pc{relative}",
    also: ["call {relative}"],
    llvm: "call {imm}",
    group: "base32",
    version: 1,
  },
  {
    name: "call_kfunc",
    opcode: 0x85,
    src: 2,
    text: "call kfunc {imm}",
    llvm: "call {imm}",
    group: "base32",
    version: 1,
  },
  { name: "callx", opcode: 0x8d, text: "callx {dst}", group: "linux", version: 1 },
  { name: "exit", opcode: 0x95, text: "exit", group: "base32", version: 1 },
  { name: "ld_imm64", opcode: 0x18, src: 0, text: "{dst} = {imm64} ll", group: "base64", version: 1 },
] as const satisfies readonly Form[];

/** RFC 9669 section 5.4: what `src` of `ld_imm64` makes of the 64 bits; the index plus 1 is `src`. */
const PSEUDO_SOURCES = [
  "ld_map_fd",
  "ld_map_value",
  "ld_btf_id",
  "ld_function",
  "ld_map_index",
  "ld_map_index_value",
] as const satisfies readonly string[];

const both = ["64", "32"] as const;
const registers = (width: "64" | "32") =>
  width === "64" ? { dst: "{dst}", src: "{src}" } : { dst: "{dst32}", src: "{src32}" };

function arithmeticForms(): Form[] {
  return both.flatMap((width) => {
    const { dst, src } = registers(width);
    const suffix = width === "32" ? "32" : "";
    return ARITHMETIC.flatMap((operation) => {
      const offset = "offset" in operation ? { offset: operation.offset } : {};
      const family = "divmul" in operation ? (`divmul${width}` as const) : (`base${width}` as const);
      const version: Version = "offset" in operation ? 4 : width === "32" ? 3 : 1;
      const shared = { ...offset, group: family, version };
      const opcode = operation.code | (width === "64" ? 7 : 4);
      return [
        { ...shared, name: `${operation.name}${suffix}_imm`, opcode, text: `${dst} ${operation.sign} {imm}` },
        { ...shared, name: `${operation.name}${suffix}`, opcode: opcode | 8, text: `${dst} ${operation.sign} ${src}` },
      ];
    });
  });
}

/** RFC 9669 section 4.2. */
function swapForms(): Form[] {
  return ([16, 32, 64] as const).flatMap((bits) => {
    const swap = (name: string, opcode: number, group: Group, version: Version): Form => ({
      name: `${name}${bits}`,
      opcode,
      imm: bits,
      text: `{dst} = ${name}${bits} {dst}`,
      group,
      version,
    });
    const group = bits === 64 ? "base64" : "base32";
    return [swap("le", 0xd4, group, 1), swap("be", 0xdc, group, 1), swap("bswap", 0xd7, group, 4)];
  });
}

function jumpForms(): Form[] {
  return both.flatMap((width) => {
    const { dst, src } = registers(width);
    const suffix = width === "32" ? "32" : "";
    return CONDITIONS.flatMap(({ name, code, sign, version }) => {
      const shared = { group: `base${width}` as const, version: width === "32" ? (3 as const) : version };
      const opcode = code | (width === "64" ? 5 : 6);
      const text = (right: string) => `if ${dst} ${sign} ${right} goto {jump}`;
      return [
        { ...shared, name: `${name}${suffix}_imm`, opcode, text: text("{imm}") },
        { ...shared, name: `${name}${suffix}`, opcode: opcode | 8, text: text(src) },
      ];
    });
  });
}

/** LDX, LDX sign-extending, ST, STX (RFC 9669 sections 5.1 and 5.2). Sub-64-bit registers print as halves from v3 on. */
function memoryForms(): Form[] {
  return SIZES.flatMap(({ bits, code }) => {
    const group = bits === 64 ? "base64" : "base32";
    const half = (text: string, register: string) =>
      bits === 64 ? {} : { text32: text.replace(`{${register}}`, `{${register}32}`) };
    const load = `{dst} = *(u${bits} *)({src+offset})`;
    const store = `*(u${bits} *)({dst+offset}) = {src}`;
    const form = (name: string, opcode: number, text: string, version: Version): Form => ({
      name: `${name}${bits}`,
      opcode: opcode | code,
      text,
      group,
      version,
    });
    const signed = bits === 64 ? [] : [form("loads", 0x81, `{dst} = *(s${bits} *)({src+offset})`, 4)];
    return [
      { ...form("load", 0x61, load, 1), ...half(load, "dst") },
      { ...form("store", 0x63, store, 1), ...half(store, "src") },
      form("store_imm", 0x62, `*(u${bits} *)({dst+offset}) = {imm}`, 4),
      ...signed,
    ];
  });
}

function atomicForms(): Form[] {
  return both.flatMap((width) => {
    const { src } = registers(width);
    const shared = { opcode: width === "64" ? 0xdb : 0xc3, group: `atomic${width}` as const };
    const r0 = width === "64" ? "r0" : "w0";
    const kind = width === "64" ? "_64" : "32_32";
    const plain = ATOMICS.map(({ name, imm, sign }): Form => {
      const text = `lock *(u${width} *)({dst+offset}) ${sign} `;
      const named = {
        ...shared,
        name: `atomic_${name}${width}`,
        imm,
        version: imm === 0 ? (1 as const) : (3 as const),
      };
      // Plain addition is the XADD of the first days, which llvm-objdump prints with whole registers below v3.
      if (imm === 0 && width === "32") return { ...named, text: `${text}{src}`, text32: `${text}${src}` };
      return { ...named, text: `${text}${src}` };
    });
    const fetching = ATOMICS.map(
      ({ name, imm }): Form => ({
        ...shared,
        name: `atomic_fetch_${name}${width}`,
        imm: imm | 1,
        text: `${src} = atomic_fetch_${name}((u${width} *)({dst+offset}), ${src})`,
        version: 3,
      }),
    );
    return [
      ...plain,
      ...fetching,
      { ...shared, name: `xchg${width}`, imm: 0xe1, text: `${src} = xchg${kind}({dst+offset}, ${src})`, version: 3 },
      {
        ...shared,
        name: `cmpxchg${width}`,
        imm: 0xf1,
        text: `${r0} = cmpxchg${kind}({dst+offset}, ${r0}, ${src})`,
        version: 3,
      },
    ];
  });
}

/** Ordered loads and stores (Linux 6.15, after RFC 9669); written as llvm-objdump 20 does. */
function orderedForms(): Form[] {
  return SIZES.flatMap(({ bits, code }) => {
    const { dst, src } = registers(bits === 64 ? "64" : "32");
    const shared = { opcode: 0xc3 | code, group: "linux", version: 4 } as const;
    return [
      {
        ...shared,
        name: `load_acquire${bits}`,
        imm: 0x100,
        text: `${dst} = load_acquire((u${bits} *)({src+offset}))`,
      },
      {
        ...shared,
        name: `store_release${bits}`,
        imm: 0x110,
        text: `store_release((u${bits} *)({dst+offset}), ${src})`,
      },
    ];
  });
}

/** RFC 9669 section 5.5: the legacy access to packets; sizes 32, 16 and 8 bits only. */
function packetForms(): Form[] {
  return SIZES.filter(({ bits }) => bits !== 64).flatMap(({ bits, code }) => {
    const shared = { group: "packet", version: 1 } as const;
    const text = (index: string) => `r0 = *(u${bits} *)skb[${index}]`;
    return [
      { ...shared, name: `ld_abs${bits}`, opcode: 0x20 | code, text: text("{imm}") },
      { ...shared, name: `ld_ind${bits}`, opcode: 0x40 | code, text: text("{src}{+imm}"), llvm: text("{src}") },
    ];
  });
}

function pseudoForms(): Form[] {
  return PSEUDO_SOURCES.map((name, index) => {
    const src = index + 1;
    const text = (source: string) => `ld_pseudo\t{dst}, ${source}, {unsigned}{,high}`;
    return {
      name,
      opcode: 0x18,
      src,
      text: text(`0x${src}`),
      also: [text(`${src}`)],
      llvm: `ld_pseudo\t{dst}, 0x${src}, {unsigned}`,
      group: "base64",
      version: 1,
    };
  });
}

/** Every instruction, one row each. */
export const FORMS: readonly Form[] = [
  ...arithmeticForms(),
  ...swapForms(),
  ...jumpForms(),
  ...memoryForms(),
  ...atomicForms(),
  ...orderedForms(),
  ...packetForms(),
  ...pseudoForms(),
  ...SINGLES,
];
