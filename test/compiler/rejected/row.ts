/**
 * Rows of programs that the compiler refuses. The place that the error must name is between « and » in the text, which are
 * taken out; what is written is a body, put into a program that has taken a few headers, or a whole module.
 */
import type { ErrorCode } from "../../../src/base/index.ts";

export interface RowOptions {
  /** The whole text, where it matters; @1 stands for the number of the row's first line. */
  readonly message?: string;
  /** Declarations of the module in front of the program. */
  readonly module?: string;
  /** Options of the program, as they are written. */
  readonly options?: string;
  /** tsc refuses it: somebody wrote plain JavaScript. */
  readonly isJavaScript?: true;
  /** The text is all that follows the prelude, with programs of its own. */
  readonly isWhole?: boolean;
}

export type Row = readonly [code: ErrorCode, text: string, options?: RowOptions];

const PRELUDE = `import { array, ArrayMap, ArrayOfMaps, assign, atomic, be16, be32, bits, BloomFilter, bool, bytes, checkMtu, checksum, checksumAdd, checksumFinish, checksumPacket, checksumReplace, conntrackAllocate, conntrackLookup, copyOf, CpuMap, DevMap, encode, equals, exit, fibLookup, flag, getPrandomU32, global, HashMap, i16, i32, i64, i8, inPrefix, ipv4Address, ipv6Address, jhash, ktimeGetNs, ktimeGetTaiNs, loop, LpmTrie, mac, Outcomes, overlay, PerCpuArray, PerCpuHashMap, PerfEventArray, ProgramArray, Queue, range, redirect, RingBuffer, setting, spinLock, struct, subprogram, trace, u16, u32, u64, u8, unroll, withLock, xdp, XdpAction, type XdpContext } from "xdpkit";
import { build, Ethernet, EtherType, Ipv4, Ipv6, Udp } from "xdpkit/packet";
class Inner extends struct({ a: u8, b: be16 }) {}
class Value extends struct({ lock: spinLock, count: u64, small: u8, wide: u32, signed: i32, nibble: bits(4), rest: bits(4), raw: bytes(8), list: array(u32, 4), inner: Inner, at: ipv4Address }) {}
class Local extends struct({ count: u64, small: u8, signed: i32, big: i64, on: bool, list: array(u16, 8), inner: Inner, raw: bytes(3) }) {}
const values = new HashMap({ key: u32, value: Value, maxEntries: 16 });
const locals = new HashMap({ key: u32, value: Local, maxEntries: 16 });
const numbers = new HashMap({ key: ipv4Address, value: u64, maxEntries: 16 });
const table = new ArrayMap({ value: Local, maxEntries: 4 });
const perCpu = new PerCpuArray({ value: Local, maxEntries: 4 });
const events = new RingBuffer({ value: Local, bytes: 4096 });
const drops = new Outcomes(["truncated", "malformed"]);
const limit = setting(u32, 100);
const seen = global(u64);
let hits = 0;
const staged = { seen: 0, list: [1, 2, 3] };
const half = 3 / 2;
const wide = 2 ** 40;
`;

const TAKEN = `const ethernet = ctx.header(Ethernet, 0);
const ipv4 = ctx.header(Ipv4, 14);
const ipv6 = ctx.header(Ipv6, 14);
const value = values.lookup(1);
const local = perCpu.at(1);
if (!ethernet || !ipv4 || !ipv6 || !value) return XdpAction.Pass;
`;

export interface Program {
  readonly text: string;
  /** Where the error must be, from 1. */
  readonly line: number;
  readonly column: number;
  /** What begins there. */
  readonly marked: string;
  readonly message: string | undefined;
}

/** The text of a row without its marks. */
export function programOf([, text, { module = "", options = "", isWhole, message } = {}]: Row): Program {
  const end = options === "" ? ");" : `, ${options});`;
  const head = PRELUDE + (module === "" ? "" : `${module}\n`);
  const start = isWhole ? head : `${head}export const program = xdp((ctx) => {\n${TAKEN}`;
  const marked = `${start}${text}\n${isWhole ? "" : `return XdpAction.Pass;\n}${end}\n`}`;
  const [before = "", inside = "", after = ""] = marked.split(/[«»]/);
  const lines = before.split("\n");
  const first = start.split("\n").length;
  return {
    text: before + inside + after,
    line: lines.length,
    column: lines.at(-1)!.length + 1,
    marked: inside,
    message: message?.replace(/@(\d+)/, (_, line) => String(first + Number(line) - 1)),
  };
}
