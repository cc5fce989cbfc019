/** End.Limit between a kernel that encapsulates and one that decapsulates, at the edge of `domain.ts`. RFC 9433 section 6.8. */
import { expect, it } from "vitest";
import { suite } from "../../../../test/support/require.ts";
import { type Domain, domainOfEach, eachPing } from "./domain.ts";

const COUNT = 600;
/** Bytes of a ping: of data, and through SRv6 with an SRH of two segments (IPv6, SRH, IPv4, ICMP). */
const DATA = 1000;
const LENGTH = 40 + 8 + 32 + 20 + 8 + DATA;
/** The bucket: 100 ms of the rate and at least this. */
const BURST_BITS = 131_072;

suite("a rate between kernels", ["root", "bpf", "ip", "ethtool", "ping", "tshark"], () => {
  const domain = domainOfEach();

  /** fc00:2:0:11::/64, group 7 in 16 bits, the rate in kbit/s in 32. */
  const sidOf = (kbits: number): string =>
    `fc00:2:0:11:7:${(kbits >>> 16).toString(16)}:${(kbits & 0xffff).toString(16)}:0`;

  function paths({ west, east }: Domain, kbits: number): Promise<unknown> {
    west.ip(`route add 10.3.0.0/24 encap seg6 mode encap segs ${sidOf(kbits)},fc00:3::d4 dev w0`);
    east.ip("-6 route add fc00:3::d4/128 encap seg6local action End.DX4 nh4 0.0.0.0 dev e0");
    east.ip("route add 10.1.0.0/24 via 10.9.3.1");
    return domain.current.start(`sids: [{ sid: "fc00:2:0:11::/64", behaviour: End.Limit, groupBits: 16 }]\n`);
  }

  /** Pings as fast as two a millisecond at most; how many came back, and in how many seconds. */
  async function flood({ west }: Domain): Promise<{ readonly received: number; readonly seconds: number }> {
    const words = ["-q", "-i", "0.002", "-c", `${COUNT}`, "-s", `${DATA}`, "-W", "1", "-I", "10.1.0.2", "10.3.0.2"];
    const start = performance.now();
    const said = await west.run("ping", ...words).catch(({ stdout }) => String(stdout));
    const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(said)!;
    expect(Number(sent)).toBe(COUNT);
    const seconds = Number(/time (\d+)ms/.exec(said)![1]) / 1000;
    expect(seconds).toBeLessThanOrEqual((performance.now() - start) / 1000);
    return { received: Number(received), seconds };
  }

  it("within the rate nothing is lost", async () => {
    await paths(domain.current, 8000);
    await domain.current.ping("10.1.0.2", "10.3.0.2");
    const { received } = await flood(domain.current);
    expect(received).toBe(COUNT);
  });

  it("beyond it the rate passes, and the rest is dropped as limited", async () => {
    const KBITS = 200;
    await paths(domain.current, KBITS);
    const { atEast } = await domain.current.ping("10.1.0.2", "10.3.0.2");
    await eachPing(atEast, "ipv6.dst == fc00:3::d4 && ipv6.routing.segleft == 0 && icmp.type == 8");
    // Those were within it.
    const edge = domain.current.edge;
    expect((await edge.stats()).outcomes["limited"]).toBeUndefined();
    const { received, seconds } = await flood(domain.current);
    const { outcomes } = await edge.stats();
    expect(received).toBeLessThan(COUNT);
    expect(Number(outcomes["limited"])).toBe(COUNT - received);
    const most = (BURST_BITS + KBITS * 1000 * (seconds + 0.1)) / (LENGTH * 8);
    console.log(`${received} of ${COUNT} in ${seconds} s: at most ${most.toFixed(0)}`);
    expect(received).toBeLessThanOrEqual(most);
    // A sender that was held up has not used the rate.
    expect(received).toBeGreaterThanOrEqual(BURST_BITS / (LENGTH * 8) - 1);
  });
});
