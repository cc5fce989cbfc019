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
    const { code, message, at, hint } = error as {
      code: string;
      message: string;
      at: { line: number; column: number };
      hint?: string;
    };
    return `${code} ${at.line}:${at.column} ${message}${hint === undefined ? "" : ` (${hint})`}`;
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
      `${BASE}${encaps}sessions:\n  - { address: 192.0.2.1, teid: 1, policy: p }\n`,
      /^SRV6_CONFIG 8:44 sessions\[0\].policy: H.Encaps takes no tunnels/,
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
  ])("%s", (_, text, expected) => {
    expect(mistakeOf(text)).toMatch(expected);
  });
});
