/** Samples of a perf array as records of a module, with the packet's bytes that `output(ctx, record, n)` puts behind. */
import { alignUp } from "../base/index.ts";
import type { Codec } from "../object/index.ts";

/** The length in front of a sample; both together are a multiple of 8 (perf_output_sample, kernel/events/core.c). */
const LENGTH_BYTES = 4;

/**
 * The kernel fills a sample up and does not say by how much: up to 7 bytes behind `packet` are not the packet's, and of a
 * packet that fits into such a gap (7 bytes at most) nothing can be said. A program that needs the length puts it into the
 * record.
 */
export function sampleDecoder({ size, decode }: Codec): (sample: Uint8Array) => unknown {
  const alone = alignUp(size + LENGTH_BYTES, 8) - LENGTH_BYTES;
  return (sample) => {
    const record = decode(sample.subarray(0, size));
    const isStruct = typeof record === "object" && record !== null;
    return isStruct && sample.length > alone ? Object.assign(record, { packet: sample.slice(size) }) : record;
  };
}
