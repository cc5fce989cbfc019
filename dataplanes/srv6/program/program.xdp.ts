/**
 * The programs, specialised to a plan: behaviours that a configuration does not have leave no instruction.
 *
 *   srv6          what arrives: counts, finds the SID or policy, and does what is asked, or jumps to
 *   srv6_<unit>   one behaviour, where the plan has too many for one program
 *   srv6_again    what goes on from one SID of ours to another
 *   srv6_errors   the ICMP errors
 *   srv6_echo     answers to echo requests of GTP-U
 *   srv6_drops    shows some of the packets that are dropped
 *   srv6_carry    no packets: moves what sessions have counted into another table
 */
import { exit, ProgramArray, u64, type XdpAction, type XdpContext, type XdpProgram, xdp } from "xdpkit";
import { Ethernet, EtherType, Ipv4, Ipv6, Ipv6Halves } from "xdpkit/packet";
import { Behaviour, Headend } from "./behaviours.ts";
import { carryCounts } from "./carry.xdp.ts";
import { decapsulate, decapsulateL2 } from "./decapsulate.xdp.ts";
import { respondToEcho } from "./echo.xdp.ts";
import { end, endMap } from "./endpoint.xdp.ts";
import { answerError } from "./errors.xdp.ts";
import { AGAIN, portOf } from "./forward.xdp.ts";
import { bindingSid, encapsulate4, encapsulate6, encapsulateL2, insert } from "./headend.xdp.ts";
import { limit } from "./limit.xdp.ts";
import { findSid, policyOf4, policyOf6 } from "./lookup.xdp.ts";
import { gtp4Decapsulate, gtp4Encapsulate, gtp6Decapsulate, gtp6Encapsulate } from "./mobile.xdp.ts";
import { drop, pass, SAMPLER, sampleDropped, truncated } from "./outcomes.xdp.ts";
import type { Plan } from "./plan.ts";
import type { Plane } from "./plane.ts";
import { BEHIND } from "./segment-list.xdp.ts";
import { COUNTERS, createTables, interfaces, ports, type Sid, scratch } from "./tables.xdp.ts";
import { takeTags } from "./tags.xdp.ts";

type Run = (plane: Plane, ctx: XdpContext, ipv6: Ipv6, sid: Sid) => XdpAction;

interface Unit {
  /** Of its program: at most 10 characters. */
  readonly name: string;
  readonly codepoints: readonly number[];
  readonly run: Run;
}

const directionOf = (sid: Sid) => ({ adjacency: sid.adjacency, table: sid.table });

const UNITS: readonly Unit[] = [
  { name: "end", codepoints: [Behaviour.End, Behaviour.EndX, Behaviour.EndT], run: end },
  {
    name: "dt4",
    codepoints: [Behaviour.EndDT4, Behaviour.EndDX4],
    run: (plane, ctx, ipv6, sid) => decapsulate(plane, ctx, ipv6, directionOf(sid), { takes4: true, takes6: false }),
  },
  {
    name: "dt6",
    codepoints: [Behaviour.EndDT6, Behaviour.EndDX6],
    run: (plane, ctx, ipv6, sid) => decapsulate(plane, ctx, ipv6, directionOf(sid), { takes4: false, takes6: true }),
  },
  {
    name: "dt46",
    codepoints: [Behaviour.EndDT46],
    run: (plane, ctx, ipv6, sid) => decapsulate(plane, ctx, ipv6, directionOf(sid), { takes4: true, takes6: true }),
  },
  { name: "gtp4_e", codepoints: [Behaviour.EndMGtp4E], run: gtp4Encapsulate },
  { name: "gtp6_e", codepoints: [Behaviour.EndMGtp6E], run: gtp6Encapsulate },
  {
    name: "gtp6_d",
    codepoints: [Behaviour.EndMGtp6D],
    run: (plane, ctx, ipv6, sid) => gtp6Decapsulate(plane, ctx, ipv6, sid, false),
  },
  {
    name: "gtp6_d_di",
    codepoints: [Behaviour.EndMGtp6DDi],
    run: (plane, ctx, ipv6, sid) => gtp6Decapsulate(plane, ctx, ipv6, sid, true),
  },
  { name: "map", codepoints: [Behaviour.EndMap], run: endMap },
  { name: "limit", codepoints: [Behaviour.EndLimit], run: limit },
  {
    name: "b6_encaps",
    codepoints: [Behaviour.EndB6Encaps, Behaviour.EndB6EncapsRed],
    run: (plane, ctx, ipv6, sid) => bindingSid(plane, ctx, ipv6, sid, false),
  },
  {
    name: "b6_insert",
    codepoints: [Behaviour.EndB6Insert],
    run: (plane, ctx, ipv6, sid) => bindingSid(plane, ctx, ipv6, sid, true),
  },
  {
    name: "dx2",
    codepoints: [Behaviour.EndDX2],
    run: (plane, ctx, ipv6, sid) => decapsulateL2(plane, ctx, ipv6, sid, false),
  },
  {
    name: "dx2v",
    codepoints: [Behaviour.EndDX2V],
    run: (plane, ctx, ipv6, sid) => decapsulateL2(plane, ctx, ipv6, sid, true),
  },
];

/** What policies do, by family. */
interface Steered4 {
  readonly name: string;
  readonly kind: number;
  readonly run: (plane: Plane, ctx: XdpContext, ip: Ipv4, policy: number) => XdpAction;
}
interface Steered6 {
  readonly name: string;
  readonly kind: number;
  readonly run: (plane: Plane, ctx: XdpContext, ip: Ipv6, policy: number) => XdpAction;
}
const STEERED4: readonly Steered4[] = [
  {
    name: "gtp4_d",
    kind: Headend.MGtp4D,
    run: (plane, ctx, ip, policy) => gtp4Decapsulate(plane, ctx, ip, policy) ?? pass(plane, ctx, "notOurs"),
  },
  { name: "encaps4", kind: Headend.Encaps, run: encapsulate4 },
];
const STEERED6: readonly Steered6[] = [
  { name: "encaps6", kind: Headend.Encaps, run: encapsulate6 },
  { name: "insert", kind: Headend.Insert, run: insert },
];

/** Units that fit into one program beside one another: the verifier looks at all ways through them. */
const MOST_INLINE = 4;

/** A jump of a unit into its own program. */
function jump(plane: Plane, ctx: XdpContext, index: number): never {
  plane.programs.tailCall(ctx, index);
  return exit(drop(plane, ctx, "answerFailed"));
}

export type { Plane };

/** The programs of a plan, not compiled yet. */
export function createProgram(plan: Plan) {
  const tables = createTables(plan);
  const units = UNITS.filter(({ codepoints }) => codepoints.some((one) => plan.behaviours.has(one)));
  const steered4 = STEERED4.filter(({ kind }) => plan.headends.has(kind));
  const steered6 = STEERED6.filter(({ kind }) => plan.headends.has(kind));
  const isSplit = units.length + steered4.length + steered6.length > MOST_INLINE;
  /** Of the first unit's program in the array; then those of IPv4, then those of IPv6. */
  const FIRST = 4;
  const first4 = FIRST + units.length;
  const first6 = first4 + steered4.length;
  const programs = new ProgramArray({
    maxEntries: 32,
    name: "programs",
    programs: () =>
      Object.fromEntries([
        [0, errors],
        ...(takesGtp ? [[1, echoes]] : []),
        ...(plan.sampleInterval > 0n ? [[SAMPLER, sampler]] : []),
        ...(plan.visitsAgain ? [[AGAIN, again]] : []),
        ...separate.map((one, i) => [FIRST + i, one]),
      ]),
  });
  const plane: Plane = { ...plan, tables, programs };
  const takesGtp =
    plan.headends.has(Headend.MGtp4D) ||
    [Behaviour.EndMGtp6D, Behaviour.EndMGtp6DDi].some((one) => plan.behaviours.has(one));
  const echoes = xdp((ctx) => respondToEcho(plane, ctx), { name: "srv6_echo" });
  const sampler = xdp((ctx) => sampleDropped(plane, ctx), { name: "srv6_drops" });
  const errors = xdp((ctx) => answerError(plane, ctx), { name: "srv6_errors" });

  /** What a unit's program begins with: what `srv6` found is in `scratch`. */
  const behaviourProgram = (unit: Unit): XdpProgram =>
    xdp(
      (ctx) => {
        const ipv6 = ctx.header(Ipv6, Ethernet.size) ?? truncated(plane, ctx);
        return unit.run(plane, ctx, ipv6, tables.sids.at(scratch.at(0).found & (plan.sidSlots - 1)));
      },
      { name: `srv6_${unit.name}` },
    );
  const program4 = (unit: Steered4): XdpProgram =>
    xdp((ctx) => unit.run(plane, ctx, ctx.header(Ipv4, Ethernet.size) ?? truncated(plane, ctx), scratch.at(0).found), {
      name: `srv6_${unit.name}`,
    });
  const program6 = (unit: Steered6): XdpProgram =>
    xdp((ctx) => unit.run(plane, ctx, ctx.header(Ipv6, Ethernet.size) ?? truncated(plane, ctx), scratch.at(0).found), {
      name: `srv6_${unit.name}`,
    });
  const separate = isSplit
    ? [...units.map(behaviourProgram), ...steered4.map(program4), ...steered6.map(program6)]
    : [];

  /** What a local SID does with a packet that is there as a whole. */
  function local(ctx: XdpContext, ipv6: Ipv6, sid: Sid): XdpAction {
    if (BEHIND + ipv6.payloadLength > ctx.length) return drop(plane, ctx, "lengthMismatch");
    if (isSplit) scratch.at(0).found = sid.slot;
    for (const [index, unit] of units.entries()) {
      for (const codepoint of unit.codepoints) {
        if (!plan.behaviours.has(codepoint) || sid.behaviour !== codepoint) continue;
        if (isSplit) jump(plane, ctx, FIRST + index);
        return unit.run(plane, ctx, ipv6, sid);
      }
    }
    return pass(plane, ctx, "localDelivery");
  }

  function from6(ctx: XdpContext): XdpAction {
    const ipv6 = ctx.header(Ipv6, Ethernet.size) ?? truncated(plane, ctx);
    if (units.length > 0) {
      const sid = findSid(plane, Ipv6Halves.from(ipv6.destination));
      if (sid) {
        const counter = tables.sidCounters.at(sid.counter & (COUNTERS - 1));
        counter.packets += 1n;
        counter.bytes += u64(Ipv6.size + ipv6.payloadLength);
        return local(ctx, ipv6, sid);
      }
    }
    if (steered6.length > 0) {
      const id = policyOf6(plane, ipv6.destination);
      if (id !== 0) {
        const kind = steered6.length > 1 ? tables.policies.at(id & (plan.policies - 1)).kind : steered6[0]!.kind;
        if (isSplit) scratch.at(0).found = id;
        for (const [index, unit] of steered6.entries()) {
          if (kind !== unit.kind) continue;
          if (isSplit) jump(plane, ctx, first6 + index);
          return unit.run(plane, ctx, ipv6, id);
        }
      }
    }
    return pass(plane, ctx, "notOurs");
  }

  /** The next segment of a packet is one of ours, too. */
  const again = xdp((ctx) => from6(ctx), { name: "srv6_again" });

  function from4(ctx: XdpContext): XdpAction {
    if (steered4.length === 0) return pass(plane, ctx, "notOurs");
    const ip = ctx.header(Ipv4, Ethernet.size) ?? truncated(plane, ctx);
    const id = policyOf4(plane, ip.destination);
    if (id === 0) return pass(plane, ctx, "notOurs");
    const kind = steered4.length > 1 ? tables.policies.at(id & (plan.policies - 1)).kind : steered4[0]!.kind;
    if (isSplit) scratch.at(0).found = id;
    for (const [index, unit] of steered4.entries()) {
      if (kind !== unit.kind) continue;
      if (isSplit) jump(plane, ctx, first4 + index);
      return unit.run(plane, ctx, ip, id);
    }
    return pass(plane, ctx, "notOurs");
  }

  /** A VLAN's frames are those of its interface, too. */
  function countVlan(ctx: XdpContext): void {
    const { port } = scratch.at(0);
    if (port === ctx.ingressInterface) return;
    const received = interfaces.at(port & 1023);
    received.packets += 1n;
    received.bytes += u64(ctx.length);
  }

  const program = xdp(
    (ctx) => {
      const received = interfaces.at(ctx.ingressInterface & 1023);
      received.packets += 1n;
      received.bytes += u64(ctx.length);
      if (plan.isTagged) {
        takeTags(plane, ctx);
        countVlan(ctx);
      }
      const ethernet = ctx.header(Ethernet, 0) ?? truncated(plane, ctx);
      if (plan.headends.has(Headend.EncapsL2)) {
        const port = ports.at(portOf(plane, ctx) & 1023);
        if (port.policy !== 0) return encapsulateL2(plane, ctx, port.policy);
      }
      if (ethernet.etherType === EtherType.Ipv6) return from6(ctx);
      if (ethernet.etherType === EtherType.Ipv4) return from4(ctx);
      return pass(plane, ctx, "notOurs");
    },
    { name: "srv6" },
  );
  /** Of plans with sessions. */
  const carry = xdp((ctx) => carryCounts(plane, ctx), { name: "srv6_carry" });
  return { program, plane, carry };
}
