/**
 * Random frames for differential tests, built from raw bytes so that they owe nothing to the packet layer.
 *
 * Addresses, ports and types come from small pools, so that maps filled from the same pools are hit. About one frame in
 * four is cut short or has bytes changed.
 */
import { concatBytes } from "../../src/base/index.ts";
import type { Random } from "./random.ts";

const word = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];

export const ipv4Pool = (index: number): Uint8Array => Uint8Array.of(10, 0, index >> 2, index & 3);
export const ipv6Pool = (index: number): Uint8Array =>
  Uint8Array.of(0xfc, 0, 0, 1, ...new Uint8Array(9), index >> 2, 0, index & 3);
export const POOL = 8;
const PORTS = [53, 80, 443, 2152, 4789, 40000] as const;

export function randomPacket(random: Random): Uint8Array {
  const frame = concatBytes(Uint8Array.of(2, 0, 0, 0, 0, random.between(1, 9), 2, 0, 0, 0, 1, 1), tags(random));
  const whole = random.chance(0.05) ? concatBytes(frame, random.bytes(random.between(2, 100))) : frame;
  return damage(random, pad(whole, random.chance(0.5) ? 60 : 14));
}

function pad(frame: Uint8Array, least: number): Uint8Array {
  return frame.length >= least ? frame : concatBytes(frame, new Uint8Array(least - frame.length));
}

function damage(random: Random, frame: Uint8Array): Uint8Array {
  if (random.chance(0.15)) return frame.slice(0, random.between(14, frame.length));
  if (!random.chance(0.12)) return frame;
  const changed = frame.slice();
  for (let i = random.between(1, 4); i > 0; i--) changed[random.between(12, frame.length - 1)] = random.u32() & 0xff;
  return changed;
}

function tags(random: Random): Uint8Array {
  const count = random.chance(0.8) ? 0 : random.between(1, 2);
  const tag = Array.from({ length: count }, (_, i) => [
    ...word(i === 0 && count === 2 ? 0x88a8 : 0x8100),
    ...word(random.between(0, 4095)),
  ]);
  return concatBytes(Uint8Array.from(tag.flat()), network(random));
}

function network(random: Random): Uint8Array {
  const choice = random.between(0, 9);
  if (choice < 5) return concatBytes(Uint8Array.of(0x08, 0x00), ipv4(random, 0));
  if (choice < 9) return concatBytes(Uint8Array.of(0x86, 0xdd), ipv6(random, 0));
  return concatBytes(Uint8Array.of(0x08, 0x06), random.bytes(28));
}

function ipv4(random: Random, depth: number): Uint8Array {
  const protocol = random.pick(depth < 2 ? [6, 6, 17, 17, 1, 4, 41, 47] : [6, 17, 1]);
  const options = random.chance(0.1) ? random.between(1, 3) : 0;
  const body = transport(random, protocol, depth);
  const length = 20 + 4 * options + body.length;
  const fragment = random.chance(0.05) ? random.u32() & 0x3fff : 0x4000;
  const header = Uint8Array.of(
    ...[0x45 + options, random.u32() & 0xff, ...word(length), ...word(random.u32()), ...word(fragment)],
    ...[random.pick([0, 1, 2, 64, 255]), protocol, 0, 0],
    ...ipv4Pool(random.between(0, POOL - 1)),
    ...ipv4Pool(random.between(0, POOL - 1)),
  );
  header.set(checksum(header), 10);
  return concatBytes(header, random.bytes(4 * options), body);
}

function checksum(bytes: Uint8Array): number[] {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return word(~sum & 0xffff);
}

function ipv6(random: Random, depth: number): Uint8Array {
  const next = random.pick(depth < 2 ? [6, 17, 58, 43, 43, 4, 41, 0] : [6, 17, 58]);
  const body =
    next === 43 ? routing(random, depth) : next === 0 ? options(random, depth) : transport(random, next, depth);
  const header = Uint8Array.of(
    0x60,
    0,
    random.u32() & 0xff,
    7,
    ...word(body.length),
    next,
    random.pick([0, 1, 2, 64, 255]),
  );
  const addresses = [ipv6Pool(random.between(0, POOL - 1)), ipv6Pool(random.between(0, POOL - 1))];
  return concatBytes(header, ...addresses, body);
}

function routing(random: Random, depth: number): Uint8Array {
  const count = random.between(1, 4);
  const next = random.pick([6, 17, 41, 4]);
  const left = random.between(0, random.chance(0.1) ? 9 : count - 1);
  const header = Uint8Array.of(next, 2 * count, random.chance(0.95) ? 4 : 0, left, count - 1, 0, 0, 0);
  const segments = Array.from({ length: count }, () => ipv6Pool(random.between(0, POOL - 1)));
  return concatBytes(header, ...segments, transport(random, next, depth + 1));
}

function options(random: Random, depth: number): Uint8Array {
  return concatBytes(Uint8Array.of(17, 0, 1, 4, 0, 0, 0, 0), transport(random, 17, depth));
}

function transport(random: Random, protocol: number, depth: number): Uint8Array {
  const payload = random.bytes(random.between(0, 120));
  const ports = [...word(random.pick(PORTS)), ...word(random.pick(PORTS))];
  switch (protocol) {
    case 4:
      return ipv4(random, depth + 1);
    case 41:
      return ipv6(random, depth + 1);
    case 6:
      return concatBytes(
        Uint8Array.of(
          ...ports,
          ...random.bytes(8),
          0x50,
          random.pick([0x02, 0x10, 0x12, 0x18, 0x11, 0x04]),
          ...random.bytes(6),
        ),
        payload,
      );
    case 17:
      return concatBytes(Uint8Array.of(...ports, ...word(8 + payload.length), ...random.bytes(2)), payload);
    case 1:
    case 58:
      return concatBytes(Uint8Array.of(random.pick([8, 0, 3, 128, 135]), 0, ...random.bytes(6)), payload);
    default:
      return payload;
  }
}
