/** A progress bar for long captures, on a terminal's standard error only. */
import { Presets, SingleBar } from "cli-progress";

/** Bytes below which no bar is worth it. */
const LONG = 8 << 20;

export interface Progress {
  /** Bytes read so far, and packets. */
  update(bytes: number, packets: number): void;
  stop(): void;
}

const SILENT: Progress = { update: () => {}, stop: () => {} };

export function startProgress(totalBytes: number, wanted: boolean): Progress {
  if (!wanted || totalBytes < LONG || !process.stderr.isTTY) return SILENT;
  const bar = new SingleBar(
    {
      format: "  {bar} {percentage} %  {packets} packets  {eta_formatted} left",
      clearOnComplete: true,
      etaBuffer: 100,
    },
    Presets.shades_grey,
  );
  bar.start(totalBytes, 0, { packets: 0 });
  return {
    update: (bytes, packets) => bar.update(bytes, { packets: packets.toLocaleString("en-US") }),
    stop: () => bar.stop(),
  };
}
