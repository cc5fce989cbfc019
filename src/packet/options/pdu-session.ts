/**
 * PDU Session Container in all its forms: 3GPP TS 38.415 section 5.5.2, release 17. Which fields are there follows
 * from flags; on writing, the flags follow from which fields are there.
 *
 *   downlink | type 0 |QMP|SNP|MSNP|0| PPP|RQI| QFI | PPI | time stamp (8) | sequence (3) | MBS sequence (4) |
 *   uplink   | type 1 |QMP|DLd|ULd|SNP| N3N9|new| QFI | time stamps (3 × 8) | delays (4 each) | sequence (3) | …
 *
 * Invariant: `writePduSession(readPduSession(body))` is `body` where the latter is not null.
 */
import { concatBytes, equalBytes } from "../../base/index.ts";
import { be16, be32, be64, bits, decode, encode, flag, type Schema, struct, u8 } from "../../schema/index.ts";

class DownlinkFlags extends struct({
  pduType: bits(4),
  hasTimestamp: flag,
  hasSequence: flag,
  hasMbsSequence: flag,
  spare: flag,
  hasPagingPolicy: flag,
  reflective: flag,
  qfi: bits(6),
}) {}
class UplinkFlags extends struct({
  pduType: bits(4),
  hasTimestamps: flag,
  hasDownlinkDelay: flag,
  hasUplinkDelay: flag,
  hasSequence: flag,
  hasN3N9Delay: flag,
  hasNewFlags: flag,
  qfi: bits(6),
}) {}
class PagingPolicy extends struct({ indicator: bits(3), spare: bits(5) }) {}
class Sequence extends struct({ high: u8, low: be16 }) {}

/** DL PDU SESSION INFORMATION, section 5.5.2.1. */
export interface DownlinkPduSession {
  readonly kind: "pduSession";
  readonly direction: "downlink";
  /** QoS flow identifier, 0 to 63. */
  readonly qfi: number;
  /** RQI: reflective QoS. */
  readonly reflective?: boolean;
  /** Paging policy indicator, 0 to 7. */
  readonly pagingPolicy?: number;
  /** DL sending time stamp. */
  readonly timestamp?: bigint;
  /** DL QFI sequence number, 24 bits. */
  readonly sequence?: number;
  /** DL MBS QFI sequence number, 32 bits. */
  readonly mbsSequence?: number;
  /** Zeros up to the extension's end; computed when left out. */
  readonly padding?: Uint8Array;
}

/** UL PDU SESSION INFORMATION, section 5.5.2.2. */
export interface UplinkPduSession {
  readonly kind: "pduSession";
  readonly direction: "uplink";
  /** QoS flow identifier, 0 to 63. */
  readonly qfi: number;
  /** DL sending repeated, DL received, UL sending. */
  readonly timestamps?: readonly [bigint, bigint, bigint];
  /** Downlink delay result, milliseconds. */
  readonly downlinkDelay?: number;
  /** Uplink delay result, milliseconds. */
  readonly uplinkDelay?: number;
  /** UL QFI sequence number, 24 bits. */
  readonly sequence?: number;
  /** Delay on N3 or N9, milliseconds. */
  readonly n3n9Delay?: number;
  /** The octet of new IE flags; bit 0 announces `pdcpDelay`. */
  readonly newFlags?: number;
  /** D1 UL PDCP delay result. */
  readonly pdcpDelay?: number;
  /** Zeros up to the extension's end; computed when left out. */
  readonly padding?: Uint8Array;
}

/** The container of a packet of a PDU session (TS 38.415 section 5.5.2), by `direction`. */
export type PduSession = DownlinkPduSession | UplinkPduSession;

const QUIET = new Uint8Array(0);
const part = <T>(schema: Schema<T>, value: T | undefined) => (value === undefined ? QUIET : encode(schema, value));
const sequencePart = (value: number | undefined) =>
  value === undefined
    ? QUIET
    : encode(Sequence, new Sequence({ high: Math.floor(value / 0x10000), low: value & 0xffff }));

/** The content of the extension header, without its length and next type: 4n - 2 bytes. Throws SCHEMA_RANGE. */
export function writePduSession(session: PduSession): Uint8Array {
  const body = session.direction === "downlink" ? writeDownlink(session) : writeUplink(session);
  const missing = (4 - ((body.length + 2) % 4)) % 4;
  return concatBytes(body, session.padding ?? new Uint8Array(missing));
}

function writeDownlink(session: DownlinkPduSession): Uint8Array {
  const flags = new DownlinkFlags({
    hasTimestamp: session.timestamp !== undefined,
    hasSequence: session.sequence !== undefined,
    hasMbsSequence: session.mbsSequence !== undefined,
    hasPagingPolicy: session.pagingPolicy !== undefined,
    reflective: session.reflective ?? false,
    qfi: session.qfi,
  });
  return concatBytes(
    encode(DownlinkFlags, flags),
    session.pagingPolicy === undefined
      ? QUIET
      : encode(PagingPolicy, new PagingPolicy({ indicator: session.pagingPolicy })),
    part(be64, session.timestamp),
    sequencePart(session.sequence),
    part(be32, session.mbsSequence),
  );
}

function writeUplink(session: UplinkPduSession): Uint8Array {
  const newFlags = session.newFlags ?? (session.pdcpDelay === undefined ? undefined : 1);
  const flags = new UplinkFlags({
    pduType: 1,
    hasTimestamps: session.timestamps !== undefined,
    hasDownlinkDelay: session.downlinkDelay !== undefined,
    hasUplinkDelay: session.uplinkDelay !== undefined,
    hasSequence: session.sequence !== undefined,
    hasN3N9Delay: session.n3n9Delay !== undefined,
    hasNewFlags: newFlags !== undefined,
    qfi: session.qfi,
  });
  return concatBytes(
    encode(UplinkFlags, flags),
    ...(session.timestamps ?? []).map((stamp) => encode(be64, stamp)),
    part(be32, session.downlinkDelay),
    part(be32, session.uplinkDelay),
    sequencePart(session.sequence),
    part(be32, session.n3n9Delay),
    part(u8, newFlags),
    part(be32, session.pdcpDelay),
  );
}

/** Null when the body is too short for its flags, of another PDU type, or holds what writing would not give again. */
export function readPduSession(body: Uint8Array): PduSession | null {
  if (body.length < 2) return null;
  const take = new Taker(body);
  const pduType = (body[0] as number) >> 4;
  const session = pduType === 0 ? readDownlink(take) : pduType === 1 ? readUplink(take) : null;
  if (!session || take.isShort) return null;
  const padded = { ...session, padding: take.rest() };
  if (!equalBytes(writePduSession(padded), body)) return null;
  return equalBytes(writePduSession(session), body) ? session : padded;
}

/** Takes one field after the other; remembers when the bytes ran out. */
class Taker {
  readonly #bytes: Uint8Array;
  #at = 0;
  isShort = false;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  take<T, F>(isPresent: boolean, schema: Schema<T>, make: (value: T) => F): F | undefined {
    if (!isPresent) return undefined;
    const at = this.#at;
    this.#at += schema.size;
    this.isShort ||= this.#at > this.#bytes.length;
    return this.isShort ? undefined : make(decode(schema, this.#bytes, at));
  }
  rest(): Uint8Array {
    return this.#bytes.slice(this.#at);
  }
}

const number24 = (sequence: Sequence) => sequence.high * 0x10000 + sequence.low;

function readDownlink(take: Taker): DownlinkPduSession {
  const flags = take.take(true, DownlinkFlags, (value) => value) ?? new DownlinkFlags();
  return {
    kind: "pduSession",
    direction: "downlink",
    qfi: flags.qfi,
    ...(flags.reflective && { reflective: true }),
    ...take.take(flags.hasPagingPolicy, PagingPolicy, ({ indicator }) => ({ pagingPolicy: indicator })),
    ...take.take(flags.hasTimestamp, be64, (timestamp) => ({ timestamp })),
    ...take.take(flags.hasSequence, Sequence, (value) => ({ sequence: number24(value) })),
    ...take.take(flags.hasMbsSequence, be32, (mbsSequence) => ({ mbsSequence })),
  };
}

class Stamps extends struct({ repeated: be64, received: be64, sent: be64 }) {}

function readUplink(take: Taker): UplinkPduSession {
  const flags = take.take(true, UplinkFlags, (value) => value) ?? new UplinkFlags();
  const stamps = take.take(flags.hasTimestamps, Stamps, (one) => ({
    timestamps: [one.repeated, one.received, one.sent] as const,
  }));
  const measured = {
    ...stamps,
    ...take.take(flags.hasDownlinkDelay, be32, (downlinkDelay) => ({ downlinkDelay })),
    ...take.take(flags.hasUplinkDelay, be32, (uplinkDelay) => ({ uplinkDelay })),
    ...take.take(flags.hasSequence, Sequence, (value) => ({ sequence: number24(value) })),
    ...take.take(flags.hasN3N9Delay, be32, (n3n9Delay) => ({ n3n9Delay })),
  };
  const newer = take.take(flags.hasNewFlags, u8, (newFlags) => ({ newFlags }));
  const hasPdcpDelay = ((newer?.newFlags ?? 0) & 1) !== 0;
  const pdcp = take.take(hasPdcpDelay, be32, (pdcpDelay) => ({ pdcpDelay }));
  return { kind: "pduSession", direction: "uplink", qfi: flags.qfi, ...measured, ...newer, ...pdcp };
}
