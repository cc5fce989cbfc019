/** The kernel's ticks (jiffies) and how many there are in a second (CONFIG_HZ), which no interface tells. */
import { compileOrThrow } from "xdpkit/compiler";
import { Loaded } from "xdpkit/kernel";
import { clock, ticks } from "../program/clock.xdp.ts";

/** What kernels are built with. */
const RATES = [100, 250, 300, 1000] as const;
/** Long enough to tell them apart. */
const MEASURE_MS = 60;
const PACKET = new Uint8Array(64);

export class Ticks implements Disposable {
  readonly #loaded: Loaded;
  readonly perSecond: bigint;

  /** Takes 60 ms. @throws XdpkitError KERNEL_* */
  constructor() {
    const { object, names } = compileOrThrow(clock);
    this.#loaded = new Loaded(object, {}, names);
    const [from, since] = [this.now(), performance.now()];
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, MEASURE_MS);
    const measured = Number(this.now() - from) / ((performance.now() - since) / 1000);
    const off = (rate: number): number => Math.abs(Math.log(rate / measured));
    this.perSecond = BigInt(RATES.reduce((best, rate) => (off(rate) < off(best) ? rate : best)));
  }

  now(): bigint {
    this.#loaded.program(clock).run(PACKET);
    return this.#loaded.map(ticks).value;
  }

  [Symbol.dispose](): void {
    this.#loaded[Symbol.dispose]();
  }
}
