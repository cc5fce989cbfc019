/** `srv6.yaml`: what is read, and each mistake with its place and hint. */
import { describe, expect, it } from "vitest";
import { readConfig } from "../control/read-config.ts";

const BASE = `interfaces: [eth0, eth1]
address: fc00:1::1
`;
/** One line each: `CODE line:column problem (hint)`. */
function mistakeOf(text: string): string {
  try {
    readConfig(text, "srv6.yaml");
    return "none";
  } catch (error) {
    const { code, problem, at, hint } = error as {
      code: string;
      problem: string;
      at: { line: number; column: number };
      hint?: string;
    };
    return `${code} ${at.line}:${at.column} ${problem}${hint === undefined ? "" : ` (${hint})`}`;
  }
}

describe("srv6.yaml", () => {
  it("a whole configuration", () => {
    const config = readConfig(
      `${BASE}address4: 192.0.2.254
sids:
  - { sid: "fc00:1:0:e::/64", behaviour: End, flavours: [PSP, USD] }
  - { sid: "fc00:1:0:4::/48", behaviour: End.M.GTP4.E, pduSession: downlink }
  - sid: "fc00:1:0:46::"
    behaviour: End.DT46
    table: 100
policies:
  - name: uplink
    headend: H.M.GTP4.D
    source: fc00:1:1::/64
    paths:
      - { segments: ["fc00:a::1", "fc00:2::/48"], weight: 3 }
      - { segments: ["fc00:2::/48"], nextHop: { interface: eth1, address: "fe80::2" } }
steering:
  - { prefix: 192.0.2.1/32, policy: uplink }
sessions:
  - { address: 192.0.2.1, teid: 0x11223344, policy: uplink }
`,
      "srv6.yaml",
    );
    expect(config.interfaces).toEqual(["eth0", "eth1"]);
    expect(config.sids).toHaveLength(3);
    expect(config.sessions).toEqual([{ address: "192.0.2.1", teid: 0x11223344, policy: "uplink" }]);
  });

  const encaps = `policies:
  - name: p
    headend: H.Encaps
    paths: [{ segments: ["fc00:2::1"] }]
`;
  const gtp = encaps.replace("H.Encaps", "H.M.GTP4.D").replace("fc00:2::1", "fc00:2::/48");
  it.each([
    ["no YAML", `${BASE}sids: [`, /^SRV6_YAML 3:8 /],
    [
      "an address that YAML takes for a key",
      `${BASE}sids:\n  - sid: fc00:1::\n    behaviour: End\n`,
      /^SRV6_YAML 4:\d+ .*needs quotes/,
    ],
    ["nothing", "", /^SRV6_CONFIG 1:1 .*is not an object/],
    ["an address is missing", "interfaces: [eth0]\n", /^SRV6_CONFIG 1:1 address is missing/],
    [
      "no interface",
      "interfaces: []\naddress: fc00::1\n",
      /^SRV6_CONFIG 1:13 interfaces: \[\] must NOT have fewer than 1 items \(Where packets arrive\)/,
    ],
    [
      "a word that is not known",
      `${BASE}sid: []\n`,
      /^SRV6_CONFIG 3:6 sid: nothing is called so \(there are interfaces, address, .*sids/,
    ],
    [
      "a field of a SID that is not known",
      `${BASE}sids:\n  - sid: fc00:1::e\n    behavior: End\n`,
      /^SRV6_CONFIG 4:5 sids\[0\]: behaviour is missing|5:\d+ sids\[0\].behavior: nothing is called so/,
    ],
    [
      "a behaviour that is not known",
      `${BASE}sids:\n  - { sid: "fc00:1::e", behaviour: End.DX3 }\n`,
      /^SRV6_CONFIG 4:36 sids\[0\].behaviour: "End.DX3" is none of End, End.X/,
    ],
    ["a number where a list belongs", `${BASE}sids: 7\n`, /^SRV6_CONFIG 3:7 sids: 7 is not an array \(Local SIDs\)/],
    [
      "a TTL that is too large",
      `${BASE}sids:\n  - { sid: "fc00:1::/48", behaviour: End.M.GTP4.E, ttl: 256 }\n`,
      /^SRV6_CONFIG 4:57 sids\[0\].ttl: 256 must be <= 255/,
    ],
    [
      "an address that is none",
      "interfaces: [eth0]\naddress: fc00:1\n",
      /^SRV6_CONFIG 2:10 address: "fc00:1" is no IPv6 address \(such as fc00:1::1\)/,
    ],
    [
      "a SID that is none",
      `${BASE}sids:\n  - { sid: "fc00:1::e/129", behaviour: End }\n`,
      /^SRV6_CONFIG 4:12 sids\[0\].sid: "fc00:1::e\/129" is no IPv6 prefix/,
    ],
    [
      "a SID without locator",
      `${BASE}sids:\n  - { sid: "::1", behaviour: End }\n`,
      /^SRV6_CONFIG 4:12 sids\[0\].sid: a SID begins with a locator/,
    ],
    [
      "a SID that stands twice",
      `${BASE}sids:\n  - { sid: "fc00:1::e", behaviour: End }\n  - { sid: "fc00:1::e", behaviour: End }\n`,
      /^SRV6_CONFIG 5:12 sids\[1\].sid: fc00:1::e stands twice \(the other is sids\[0\]\)/,
    ],
    [
      "End.X without next hop",
      `${BASE}sids:\n  - { sid: "fc00:1::e", behaviour: End.X }\n`,
      /^SRV6_CONFIG 4:5 sids\[0\]: End.X needs nextHop \(add nextHop:\)/,
    ],
    [
      "a policy that is not there",
      `${BASE}sids:\n  - { sid: "fc00:1::e", behaviour: End.B6.Encaps, policy: q }\n${encaps}`,
      /^SRV6_CONFIG 4:59 sids\[0\].policy: there is no policy q \(there are p\)/,
    ],
    [
      "a policy of another kind",
      `${BASE}sids:\n  - { sid: "fc00:1::e", behaviour: End.B6.Insert, policy: p }\n${encaps}`,
      /^SRV6_CONFIG 4:59 sids\[0\].policy: End.B6.Insert goes with H.Insert, not H.Encaps/,
    ],
    [
      "no room for arguments in a SID",
      `${BASE}sids:\n  - { sid: "fc00:1::/64", behaviour: End.M.GTP4.E }\n`,
      /^SRV6_CONFIG 4:12 sids\[0\].sid: End.M.GTP4.E needs 72 bits behind the prefix, which leaves at most \/56/,
    ],
    [
      "no room for arguments in a path",
      `${BASE}${gtp.replace("/48", "/64")}`,
      /^SRV6_CONFIG 6:26 policies\[0\].paths\[0\].segments\[0\]: the arguments need 72 bits/,
    ],
    [
      "a prefix in the middle",
      `${BASE}${encaps.replace("fc00:2::1", "fc00:2::/48")}`,
      /^SRV6_CONFIG 6:26 .*only the last segment of a mobile path is a prefix/,
    ],
    [
      "steering without aim",
      `${BASE}${encaps}steering:\n  - { policy: p }\n`,
      /^SRV6_CONFIG 8:5 steering\[0\]: it needs a prefix or an interface/,
    ],
    [
      "GTP over IPv6 into H.M.GTP4.D",
      `${BASE}${gtp}steering:\n  - { prefix: "fc00::/16", policy: p }\n`,
      /^SRV6_CONFIG 8:15 steering\[0\].prefix: H.M.GTP4.D takes tunnels over IPv4/,
    ],
    [
      "frames into H.Encaps",
      `${BASE}${encaps}steering:\n  - { interface: eth0, policy: p }\n`,
      /^SRV6_CONFIG 8:32 steering\[0\].policy: H.Encaps takes packets, not whole frames/,
    ],
    [
      "a session of another policy",
      `${BASE}${encaps}sessions:\n  - { address: 192.0.2.1, teid: 1, policy: p }\nsteering: [{ prefix: 192.0.2.0/24, policy: p }]\n`,
      /^SRV6_CONFIG 8:44 sessions\[0\].policy: H.Encaps takes no tunnels/,
    ],
    [
      "a session that no packet would reach",
      `${BASE}${gtp}sessions:\n  - { address: 192.0.3.1, teid: 1, policy: p }\nsteering: [{ prefix: 192.0.2.0/24, policy: p }]\n`,
      /^SRV6_CONFIG 8:16 sessions\[0\].address: nothing under steering takes 192.0.3.1 \(add to steering: /,
    ],
    [
      "steering without policy",
      `${BASE}${encaps}steering:\n  - { prefix: 192.0.2.0/24 }\n`,
      /^SRV6_CONFIG 8:5 steering\[0\]: it needs a policy, or sessionsOnly: true/,
    ],
    [
      "sessions of IPv6",
      `${BASE}${encaps}steering:\n  - { prefix: "fc00::/16", sessionsOnly: true }\n`,
      /^SRV6_CONFIG 8:15 steering\[0\].prefix: sessions are tunnels over IPv4/,
    ],
    [
      "a VLAN of an interface where packets do not arrive",
      `${BASE}vlans:\n  - { name: eth9.7, interface: eth9, tags: [7] }\n`,
      /^SRV6_CONFIG \d+:\d+ vlans\[0\].interface: packets do not arrive on eth9/,
    ],
    [
      "a VLAN of three tags",
      `${BASE}vlans:\n  - { name: eth0.7, interface: eth0, tags: [7, 8, 9] }\n`,
      /^SRV6_CONFIG \d+:\d+ vlans\[0\].tags/,
    ],
    [
      "NEXT-CSID without block",
      `${BASE}sids:\n  - { sid: "fc00:2:1::/48", behaviour: End, flavours: [NEXT-CSID] }\n`,
      /^SRV6_CONFIG 4:5 sids\[0\].block: NEXT-CSID needs the length of the locator block/,
    ],
    [
      "a path that is too long",
      `${BASE}${encaps.replace('["fc00:2::1"]', `[${Array.from({ length: 11 }, (_, i) => `"fc00::${i + 1}"`).join(", ")}]`)}`,
      /^SRV6_CONFIG 6:\d+ policies\[0\].paths\[0\].segments: .*must NOT have more than 10 items/,
    ],
    [
      "an insertion that is too long",
      `${BASE}${encaps.replace("H.Encaps", "H.Insert").replace('["fc00:2::1"]', `[${Array.from({ length: 10 }, (_, i) => `"fc00::${i + 1}"`).join(", ")}]`)}`,
      /^SRV6_CONFIG 6:\d+ policies\[0\].paths\[0\].segments: an SRH of 11 segments is more than 10/,
    ],
    [
      "a drop-in path that is too long",
      `${BASE}${encaps.replace('["fc00:2::1"]', `[${Array.from({ length: 10 }, (_, i) => `"fc00::${i + 1}"`).join(", ")}]`)}sids: [{ sid: "fc00:1::60", behaviour: End.M.GTP6.D.Di, policy: p }]\n`,
      /^SRV6_CONFIG 6:\d+ policies\[0\].paths\[0\].segments: an SRH of 11 segments is more than 10/,
    ],
    [
      "a drop-in path whose prefix leaves no room for the arguments",
      `${BASE}${encaps.replace("fc00:2::1", "fc00:2::/96")}sids: [{ sid: "fc00:1::60", behaviour: End.M.GTP6.D.Di, policy: p }]\n`,
      /^SRV6_CONFIG 6:26 .*the arguments need 40 bits behind the prefix, which leaves at most \/88/,
    ],
    [
      "slots of sessions that are no power of two",
      `${BASE}sessionSlots: 100\n`,
      /^SRV6_CONFIG 3:15 .*100 is no power of two/,
    ],
    [
      "too few slots of sessions",
      `${BASE}sessionSlots: 8\n`,
      /^SRV6_CONFIG 3:15 sessionSlots: 8 is no power of two from 16 on/,
    ],
    [
      "a session twice",
      `${BASE}${gtp}steering: [{ prefix: 192.0.2.1/32, policy: p }]\nsessions: [{ address: 192.0.2.1, teid: 1, policy: p }, { address: 192.0.2.1, teid: 1, policy: p }]\n`,
      /^SRV6_CONFIG 8:\d+ sessions\[1\].teid: 192.0.2.1 1 stands twice/,
    ],
    [
      "a session of an address that marks slots",
      `${BASE}${gtp}steering: [{ prefix: 0.0.0.0/0, policy: p }]\nsessions: [{ address: 255.255.255.255, teid: 1, policy: p }]\n`,
      /^SRV6_CONFIG 8:\d+ sessions\[0\].address: 255.255.255.255 is no host/,
    ],
    [
      "sessions only, without a policy for them",
      `${BASE}${encaps}steering: [{ prefix: 192.0.2.1/32, sessionsOnly: true }]\n`,
      /^SRV6_CONFIG 7:\d+ steering\[0\].sessionsOnly: there is no policy that sessions could have/,
    ],
    [
      "a session whose address a longer prefix steers elsewhere",
      `${BASE}${gtp}  - { name: e, headend: H.Encaps, paths: [{ segments: ["fc00:9::1"] }] }\nsteering: [{ prefix: 192.0.2.0/24, policy: p }, { prefix: 192.0.2.1/32, policy: e }]\nsessions: [{ address: 192.0.2.1, teid: 1, policy: p }]\n`,
      /^SRV6_CONFIG 9:\d+ sessions\[0\].address: nothing under steering takes 192.0.2.1/,
    ],
    [
      "a drop-in policy that others use",
      `${BASE}${encaps}steering: [{ prefix: 10.0.0.0/8, policy: p }]\nsids: [{ sid: "fc00:1::60", behaviour: End.M.GTP6.D.Di, policy: p }]\n`,
      /^SRV6_CONFIG 8:\d+ sids\[0\].policy: p is used by others than End.M.GTP6.D.Di/,
    ],
    [
      "an interface that packets do not arrive on",
      `${BASE}${encaps.replace("H.Encaps", "H.Encaps.L2")}steering: [{ interface: eth7, policy: p }]\n`,
      /^SRV6_CONFIG 7:\d+ steering\[0\].interface: packets do not arrive on eth7 \(there are eth0, eth1\)/,
    ],
    [
      "a prefix steered twice",
      `${BASE}${encaps}steering: [{ prefix: 10.0.0.0/8, policy: p }, { prefix: 10.9.0.0/8, policy: p }]\n`,
      /^SRV6_CONFIG 7:\d+ steering\[1\].prefix: 10.0.0.0\/8 stands twice/,
    ],
    [
      "a SID twice, spelled in two ways",
      `${BASE}sids: [{ sid: "fc00:1:0:e::/64", behaviour: End }, { sid: "fc00:1:0:e:0::/64", behaviour: End.DT4 }]\n`,
      /^SRV6_CONFIG 3:\d+ sids\[1\].sid: fc00:1:0:e::\/64 stands twice/,
    ],
    [
      "a flavour of a behaviour without",
      `${BASE}sids: [{ sid: "fc00:1::e", behaviour: End.DT4, flavours: [PSP] }]\n`,
      /^SRV6_CONFIG 3:\d+ sids\[0\].flavours: End.DT4 has no flavours/,
    ],
    [
      "a VLAN beyond 4094",
      `${BASE}sids: [{ sid: "fc00:1::e", behaviour: End.DX2V, vlans: { 4095: { interface: eth1 } } }]\n`,
      /^SRV6_CONFIG 3:\d+ sids\[0\].vlans.4095: 4095 is no VLAN/,
    ],
    [
      "a prefix that ends with a slash",
      `${BASE}${encaps}steering: [{ prefix: 10.0.0.0/, policy: p }]\n`,
      /^SRV6_CONFIG 7:\d+ steering\[0\].prefix: "10.0.0.0\/" is no prefix/,
    ],
    [
      "a source longer than what is before the IPv4 source",
      `${BASE}sourcePrefix: 48\n${gtp.replace("    paths", "    source: fc00:5:0:1::/64\n    paths")}`,
      /^SRV6_CONFIG 7:\d+ policies\[0\].source: the IPv4 source begins behind 48 bits/,
    ],
    [
      "the same tags by two protocols",
      `${BASE}vlans: [{ name: a, interface: eth0, tags: [7, 8] }, { name: b, interface: eth0, tags: [7, 8], outerProtocol: 802.1Q }]\n`,
      /^none$/,
    ],
  ])("%s", (_, text, expected) => {
    expect(mistakeOf(text)).toMatch(expected);
  });
});
