/** Bob Jenkins' lookup3 hash as the kernel has it (include/linux/jhash.h). All numbers are 32 bits wide. */

const INITIAL = 0xdeadbeef;

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

function mix(state: Int32Array): void {
  let [a, b, c] = [state[0]!, state[1]!, state[2]!];
  a = (a - c) ^ rotate(c, 4);
  c = (c + b) | 0;
  b = (b - a) ^ rotate(a, 6);
  a = (a + c) | 0;
  c = (c - b) ^ rotate(b, 8);
  b = (b + a) | 0;
  a = (a - c) ^ rotate(c, 16);
  c = (c + b) | 0;
  b = (b - a) ^ rotate(a, 19);
  a = (a + c) | 0;
  c = (c - b) ^ rotate(b, 4);
  b = (b + a) | 0;
  state.set([a, b, c]);
}

function final(state: Int32Array): number {
  let [a, b, c] = [state[0]!, state[1]!, state[2]!];
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return c >>> 0;
}

/** `jhash2`: an array of 32-bit words in host order. */
export function jhash2(words: readonly number[] | Uint32Array, seed: number): number {
  const start = (INITIAL + (words.length << 2) + seed) | 0;
  const state = Int32Array.of(start, start, start);
  let at = 0;
  for (; words.length - at > 3; at += 3) {
    for (let i = 0; i < 3; i++) state[i] = state[i]! + words[at + i]!;
    mix(state);
  }
  const rest = words.length - at;
  if (rest === 0) return state[2]! >>> 0;
  for (let i = 0; i < rest; i++) state[i] = state[i]! + words[at + i]!;
  return final(state);
}

/** `jhash`: any bytes. */
export function jhash(bytes: Uint8Array, seed: number): number {
  const start = (INITIAL + bytes.length + seed) | 0;
  const state = Int32Array.of(start, start, start);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (; bytes.length - at > 12; at += 12) {
    for (let i = 0; i < 3; i++) state[i] = state[i]! + view.getInt32(at + 4 * i, true);
    mix(state);
  }
  if (at === bytes.length) return state[2]! >>> 0;
  const tail = new Uint8Array(12);
  tail.set(bytes.subarray(at));
  const last = new DataView(tail.buffer);
  for (let i = 0; i < 3; i++) state[i] = state[i]! + last.getInt32(4 * i, true);
  return final(state);
}
