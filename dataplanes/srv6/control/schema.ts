/** The JSON Schema of `srv6.yaml` (draft 2020-12): for editors, and the first check of a file. `check.ts` is the second. */
import { CODEPOINTS } from "./config.ts";

const text = (description: string, more: object = {}) => ({ type: "string", description, ...more });
const integer = (minimum: number, maximum: number, description: string) => ({
  type: "integer",
  minimum,
  maximum,
  description,
});
const object = (required: readonly string[], properties: object, description?: string) => ({
  type: "object",
  ...(description === undefined ? {} : { description }),
  additionalProperties: false,
  required,
  properties,
});
const list = (items: object, description: string, more: object = {}) => ({
  type: "array",
  items,
  description,
  ...more,
});

const nextHop = object(
  ["interface"],
  { interface: text("The interface that it leaves by"), address: text("The neighbour there, IPv4 or IPv6") },
  "Where a packet goes, whatever the routes say",
);

const sid = object(
  ["sid", "behaviour"],
  {
    sid: text("Locator and function, such as fc00:1:0:e::/64; without a length 128 bits"),
    behaviour: { enum: Object.keys(CODEPOINTS), description: "RFC 8986 section 4, RFC 9433 section 6" },
    flavours: list({ enum: ["PSP", "USP", "USD", "NEXT-CSID"] }, "RFC 8986 section 4.16, RFC 9800 section 4"),
    nextHop,
    table: integer(1, 0xffffffff, "Routing table of End.T and End.DT*; default what the rules give"),
    policy: text("Of End.B6.* and End.M.GTP6.D*: the name of a policy"),
    map: text("Of End.MAP: the SID in its place"),
    block: integer(1, 127, "Of NEXT-CSID: length of the locator block, bits"),
    source: text("Of End.M.GTP6.E: the source of the tunnel"),
    pduSession: {
      enum: ["downlink", "uplink", "none"],
      description: "PDU Session Container of a tunnel; default downlink",
    },
    ttl: integer(1, 255, "TTL or hop limit of a tunnel's header; default the packet's, less one"),
    dscp: integer(0, 63, "DSCP of a tunnel's header; default the packet's"),
    groupBits: integer(1, 32, "Of End.Limit: bits of the group behind the function, before 32 bits of kbit/s"),
    vlans: {
      type: "object",
      description: "Of End.DX2V: next hops by VLAN",
      propertyNames: { pattern: "^[0-9]{1,4}$" },
      additionalProperties: nextHop,
    },
  },
  "A local SID",
);

const path = object(
  ["segments"],
  {
    segments: list(text("A SID; the last of a mobile path is a prefix"), "In the order of travel", {
      minItems: 1,
      maxItems: 10,
    }),
    weight: integer(1, 64, "Share among the paths; default 1"),
    nextHop,
  },
  "A segment list",
);

const policy = object(
  ["name", "headend", "paths"],
  {
    name: text("Steering, SIDs and sessions refer to it", { minLength: 1 }),
    headend: {
      enum: ["H.Encaps", "H.Encaps.Red", "H.Encaps.L2", "H.Encaps.L2.Red", "H.Insert", "H.M.GTP4.D"],
      description: "RFC 8986 section 5, RFC 9433 section 6.7",
    },
    source: text("Outer source, of H.M.GTP4.D its prefix; default the node's address"),
    paths: list(path, "Flows are divided among them by their weights", { minItems: 1, maxItems: 64 }),
    trafficClass: {
      anyOf: [{ const: "copy" }, integer(0, 255, "As it is")],
      description: "Default copy: that of the packet inside",
    },
    flowLabel: {
      anyOf: [{ enum: ["hash", "copy"] }, integer(0, 0xfffff, "As it is")],
      description: "Default hash (RFC 6437)",
    },
    hopLimit: { anyOf: [{ const: "copy" }, integer(1, 255, "As it is")], description: "Default 64" },
  },
  "What is put around packets",
);

export const SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "srv6.yaml",
  ...object(
    ["interfaces", "address"],
    {
      interfaces: list(text("A name"), "Where packets arrive", { minItems: 1, uniqueItems: true }),
      address: text("The node's IPv6 address: of ICMPv6 errors, and the default source of policies"),
      address4: text("The node's IPv4 address: of ICMP errors; default 192.0.0.8 (RFC 7600)"),
      sids: list(sid, "Local SIDs"),
      policies: list(policy, "Policies"),
      steering: list(
        object(["policy"], {
          prefix: text("IPv4 or IPv6 destinations"),
          interface: text("Whole frames that arrive here, for H.Encaps.L2"),
          policy: text("The name of a policy"),
        }),
        "What goes into which policy",
      ),
      sessions: list(
        object(["address", "teid", "policy"], {
          address: text("IPv4 address that the tunnel leads to"),
          teid: integer(0, 0xffffffff, "Tunnel endpoint identifier"),
          policy: text("The name of a policy of H.M.GTP4.D"),
        }),
        "Tunnels with a policy of their own",
      ),
      vlans: list(
        object(["name", "interface", "tags"], {
          name: text("The kernel's device, as in ip link add link eth0 name eth0.7 type vlan id 7"),
          interface: text("Where its frames pass by with their tags: one of interfaces"),
          tags: list(integer(1, 4094, "VLAN identifier"), "One, or two with the outer one first", {
            minItems: 1,
            maxItems: 2,
          }),
          outerProtocol: { enum: ["802.1ad", "802.1Q"], description: "Of the outer of two tags; default 802.1ad" },
        }),
        "VLANs whose frames are taken, and that next hops and routes may lead to",
      ),
      dropSamples: integer(0, 250, "Dropped packets that are shown, a second and processor; default 10, 0: none"),
      sourcePrefix: integer(1, 64, "Length of the IPv6 prefix before an IPv4 source, bits; default 64"),
      udpChecksum: { type: "boolean", description: "UDP over IPv6 carries a checksum; default false (RFC 6935)" },
      refuseHmac: { type: "boolean", description: "SRHs with an HMAC TLV are dropped; default false: it is ignored" },
      multipath: {
        type: "boolean",
        description: "Routes with several next hops are told apart by flow; default false",
      },
      sessionSlots: integer(
        1,
        2 ** 26,
        "Size of the table of sessions, a power of two; default 65536 or what is needed",
      ),
    },
    "The SRv6 mobile user plane of xdpkit",
  ),
} as const;

/** A configuration file: what the data plane does, and where. */
export interface ConfigFile {
  readonly interfaces: readonly string[];
}
