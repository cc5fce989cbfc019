/** What a schema cannot say of a configuration: addresses, references, what each behaviour needs. */
import { COUNTERS } from "../program/tables.xdp.ts";
import type { PathConfig, PolicyConfig, SidConfig, Srv6Config } from "./config.ts";
import { HEADENDS } from "./plan.ts";
import { address6, networkOf, type Prefix, parsePrefix } from "./prefix.ts";
import { printAddress } from "./sessions.ts";
import { tagsOf } from "./vlans.ts";

/** A mistake, where it is (`["sids", 0, "policy"]`), and what to do. */
export interface Mistake {
  readonly path: readonly (string | number)[];
  readonly problem: string;
  readonly hint?: string;
}

const MOBILE4_BITS = 56;
const MOBILE6_BITS = 88;
const NEEDS: Readonly<Partial<Record<SidConfig["behaviour"], readonly (keyof SidConfig)[]>>> = {
  "End.X": ["nextHop"],
  "End.T": ["table"],
  "End.DX2": ["nextHop"],
  "End.DX2V": ["vlans"],
  "End.DX4": ["nextHop"],
  "End.DX6": ["nextHop"],
  "End.B6.Encaps": ["policy"],
  "End.B6.Encaps.Red": ["policy"],
  "End.B6.Insert": ["policy"],
  "End.MAP": ["map"],
  "End.Limit": ["groupBits"],
  "End.M.GTP6.D": ["policy"],
  "End.M.GTP6.D.Di": ["policy"],
  "End.M.GTP6.E": ["source"],
};
/** What the policy of a binding SID may do. */
const BINDS: Readonly<Partial<Record<SidConfig["behaviour"], readonly PolicyConfig["headend"][]>>> = {
  "End.B6.Encaps": ["H.Encaps"],
  "End.B6.Encaps.Red": ["H.Encaps.Red"],
  "End.B6.Insert": ["H.Insert"],
  "End.M.GTP6.D": ["H.Encaps", "H.Encaps.Red"],
  "End.M.GTP6.D.Di": ["H.Encaps"],
};

function prefixOf(text: string): Prefix | undefined {
  try {
    const prefix = parsePrefix(text);
    const most = prefix.family === 6 ? 128 : 32;
    return /^[^/]+(\/\d+)?$/.test(text) && prefix.bits <= most ? prefix : undefined;
  } catch {
    return undefined;
  }
}

const FLAVOURED: readonly SidConfig["behaviour"][] = ["End", "End.X", "End.T", "End.Limit"];

/** Whether tunnels to an IPv4 address are looked at, by its longest prefix: sessions of others would never be found. */
export function isSteered({ steering = [], policies = [] }: Srv6Config, address: string): boolean {
  const { value } = parsePrefix(address);
  const [longest] = steering
    .flatMap((one) => {
      const known = prefixOf(one.prefix ?? "");
      const isIn = known?.family === 4 && known.value >> BigInt(32 - known.bits) === value >> BigInt(32 - known.bits);
      return isIn ? [{ ...one, bits: known.bits }] : [];
    })
    .sort((a, b) => b.bits - a.bits);
  if (!longest) return false;
  return longest.sessionsOnly ?? policies.some((one) => one.name === longest.policy && takesTunnels(one));
}
export const takesTunnels = ({ headend }: PolicyConfig): boolean => headend === "H.M.GTP4.D";
export const steerHint = (address: string): string =>
  `add to steering: { prefix: ${address}/32, sessionsOnly: true }, or with a policy`;

/** As the tables have it, so that each prefix has one spelling. */
function networkText(text: string): string {
  const prefix = prefixOf(text);
  if (!prefix) return text;
  const network = networkOf(prefix);
  const address = prefix.family === 6 ? address6(network) : printAddress(Number(network));
  return prefix.bits === (prefix.family === 6 ? 128 : 32) ? address : `${address}/${prefix.bits}`;
}

/** Addresses that mark slots of the table. */
const isNoHost = (address: string): boolean => address === "0.0.0.0" || address === "255.255.255.255";

export const isHost4 = (text: string): boolean =>
  prefixOf(text)?.family === 4 && !text.includes("/") && !isNoHost(text);

class Checker {
  readonly mistakes: Mistake[] = [];
  readonly #config: Srv6Config;
  readonly #policies: ReadonlyMap<string, PolicyConfig>;

  constructor(config: Srv6Config) {
    this.#config = config;
    this.#policies = new Map((config.policies ?? []).map((policy) => [policy.name, policy]));
  }

  run(): readonly Mistake[] {
    const { address, address4, sids = [], policies = [], steering = [], sessions = [] } = this.#config;
    this.#address(["address"], address, 6);
    if (address4 !== undefined) this.#address(["address4"], address4, 4);
    this.#unique(
      "policies",
      policies.map(({ name }) => name),
      "name",
    );
    this.#unique(
      "sids",
      sids.map(({ sid }) => networkText(sid)),
      "sid",
    );
    this.#unique(
      "steering",
      steering.map(({ prefix, interface: name }) => (prefix === undefined ? (name ?? "") : networkText(prefix))),
      steering.map(({ prefix }) => (prefix === undefined ? "interface" : "prefix")),
    );
    this.#unique(
      "sessions",
      sessions.map(({ address: to, teid }) => `${to} ${teid}`),
      "teid",
    );
    this.#sizes();
    for (const [list, { length }] of Object.entries({ sids, policies }))
      if (length >= COUNTERS)
        this.#mistake([list], `${length} are more than ${COUNTERS - 1}, for which there are counters`, "use prefixes");
    for (const [index, policy] of policies.entries()) this.#policy(["policies", index], policy);
    for (const [index, sid] of sids.entries()) this.#sid(["sids", index], sid);
    for (const [index, { prefix, interface: name, policy, sessionsOnly }] of steering.entries()) {
      const at = ["steering", index];
      if ((policy === undefined) === (sessionsOnly === undefined))
        this.#mistake(at, "it needs a policy, or sessionsOnly: true", "write policy: and a name");
      if (sessionsOnly && this.#prefix([...at, "prefix"], prefix ?? "")?.family === 6)
        this.#mistake([...at, "prefix"], "sessions are tunnels over IPv4", "give a prefix such as 192.0.2.1/32");
      const found = policy === undefined ? undefined : this.#reference([...at, "policy"], policy);
      if ((prefix === undefined) === (name === undefined))
        this.#mistake(at, "it needs a prefix or an interface, one of them", "write prefix: 10.0.0.0/8");
      if (prefix !== undefined) this.#steered([...at, "prefix"], prefix, found);
      if (sessionsOnly && !policies.some(takesTunnels))
        this.#mistake([...at, "sessionsOnly"], "there is no policy that sessions could have", "add one of H.M.GTP4.D");
      if (name !== undefined) this.#arrives([...at, "interface"], name);
      if (name !== undefined && found && !found.headend.startsWith("H.Encaps.L2"))
        this.#mistake([...at, "policy"], `${found.headend} takes packets, not whole frames`, "use H.Encaps.L2");
    }
    for (const [index, { address: to, policy }] of sessions.entries()) {
      this.#address(["sessions", index, "address"], to, 4);
      if (isNoHost(to)) this.#mistake(["sessions", index, "address"], `${to} is no host`, "such as 192.0.2.1");
      const found = this.#reference(["sessions", index, "policy"], policy);
      if (found && found.headend !== "H.M.GTP4.D")
        this.#mistake(["sessions", index, "policy"], `${found.headend} takes no tunnels`, "use a policy of H.M.GTP4.D");
      if (prefixOf(to)?.family === 4 && !isSteered(this.#config, to))
        this.#mistake(["sessions", index, "address"], `nothing under steering takes ${to}`, steerHint(to));
    }
    this.#vlans();
    return this.mistakes;
  }

  #vlans(): void {
    const { interfaces = [], vlans = [] } = this.#config as Srv6Config & { readonly interfaces?: readonly string[] };
    this.#unique(
      "vlans",
      vlans.map(({ name }) => name),
      "name",
    );
    this.#unique(
      "vlans",
      vlans.map(
        (one) =>
          `${one.interface} ${one.tags.join(" in ")}${tagsOf(one).inner === 0 ? "" : ` ${one.outerProtocol ?? "802.1ad"}`}`,
      ),
      "tags",
    );
    for (const [index, { name, interface: below }] of vlans.entries()) {
      if (interfaces.includes(name))
        this.#mistake(
          ["vlans", index, "name"],
          `${name} is an interface that packets arrive on`,
          "name the VLAN's own",
        );
      if (!interfaces.includes(below))
        this.#mistake(
          ["vlans", index, "interface"],
          `packets do not arrive on ${below}`,
          `there are ${interfaces.join(", ")}`,
        );
    }
  }

  #arrives(path: readonly (string | number)[], name: string): void {
    const { interfaces = [], vlans = [] } = this.#config as Srv6Config & { readonly interfaces?: readonly string[] };
    const known = [...interfaces, ...vlans.map((one) => one.name)];
    if (!known.includes(name)) this.#mistake(path, `packets do not arrive on ${name}`, `there are ${known.join(", ")}`);
  }

  #mistake(path: readonly (string | number)[], problem: string, hint?: string): void {
    this.mistakes.push({ path, problem, ...(hint === undefined ? {} : { hint }) });
  }

  #address(path: readonly (string | number)[], text: string, family: 4 | 6): void {
    const found = prefixOf(text);
    if (found?.family === family && !text.includes("/")) return;
    this.#mistake(
      path,
      `${JSON.stringify(text)} is no IPv${family} address`,
      family === 6 ? "such as fc00:1::1" : "such as 192.0.2.1",
    );
  }

  #prefix(path: readonly (string | number)[], text: string, family?: 4 | 6): Prefix | undefined {
    const found = prefixOf(text);
    if (found && (family === undefined || found.family === family)) return found;
    this.#mistake(path, `${JSON.stringify(text)} is no ${family === 6 ? "IPv6 " : ""}prefix`, "such as fc00:1::/48");
    return undefined;
  }

  /** `field`: where the name stands, of all entries or of each. */
  #unique(list: string, names: readonly string[], field: string | readonly string[]): void {
    for (const [index, name] of names.entries()) {
      const at = [list, index, typeof field === "string" ? field : field[index]!];
      if (names.indexOf(name) < index)
        this.#mistake(at, `${name} stands twice`, `the other is ${list}[${names.indexOf(name)}]`);
    }
  }

  #sizes(): void {
    const { sessionSlots } = this.#config;
    if (sessionSlots !== undefined && (sessionSlots < 16 || !Number.isInteger(Math.log2(sessionSlots))))
      this.#mistake(["sessionSlots"], `${sessionSlots} is no power of two from 16 on`, "such as 65536");
  }

  #reference(path: readonly (string | number)[], name: string): PolicyConfig | undefined {
    const found = this.#policies.get(name);
    if (!found) {
      const known = [...this.#policies.keys()].join(", ");
      this.#mistake(path, `there is no policy ${name}`, known === "" ? "add it under policies" : `there are ${known}`);
    }
    return found;
  }

  #steered(path: readonly (string | number)[], text: string, policy: PolicyConfig | undefined): void {
    const prefix = this.#prefix(path, text);
    if (!prefix || !policy) return;
    const { headend } = policy;
    if (headend.startsWith("H.Encaps.L2"))
      this.#mistake(path, `${headend} takes whole frames of an interface`, "write interface: in place of prefix:");
    if (headend === "H.Insert" && prefix.family === 4)
      this.#mistake(path, "H.Insert takes IPv6 only", "use H.Encaps for IPv4");
    if (headend === "H.M.GTP4.D" && prefix.family === 6)
      this.#mistake(path, "H.M.GTP4.D takes tunnels over IPv4", "End.M.GTP6.D is for tunnels over IPv6");
  }

  #policy(path: readonly (string | number)[], policy: PolicyConfig): void {
    const isMobile = policy.headend === "H.M.GTP4.D";
    if (policy.source !== undefined) this.#prefix([...path, "source"], policy.source, 6);
    const { sourcePrefix = 64 } = this.#config;
    const source = prefixOf(policy.source ?? "");
    const isCut = source && networkOf(source) !== networkOf({ ...source, bits: Math.min(source.bits, sourcePrefix) });
    if (isMobile && policy.source?.includes("/") && isCut)
      this.#mistake(
        [...path, "source"],
        `the IPv4 source begins behind ${sourcePrefix} bits`,
        `a prefix of /${sourcePrefix} or less, or another sourcePrefix:`,
      );
    if (!isMobile && policy.source?.includes("/"))
      this.#mistake([...path, "source"], "the source is an address here", "leave out the length");
    for (const [index, one] of policy.paths.entries()) this.#path([...path, "paths", index], policy, one);
  }

  #path(path: readonly (string | number)[], policy: PolicyConfig, { segments, nextHop }: PathConfig): void {
    const isOf = (wanted: string): boolean =>
      (this.#config.sids ?? []).some(({ behaviour, policy: name }) => behaviour === wanted && name === policy.name);
    const dropIn = isOf("End.M.GTP6.D.Di");
    const tunnel6 = isOf("End.M.GTP6.D") || (dropIn && (segments.at(-1) ?? "").includes("/"));
    const takesArguments = policy.headend === "H.M.GTP4.D" || tunnel6;
    for (const [index, text] of segments.entries()) {
      const at = [...path, "segments", index];
      const found = this.#prefix(at, text, 6);
      if (!found) continue;
      const isLast = takesArguments && index === segments.length - 1;
      if (!isLast && text.includes("/"))
        this.#mistake(at, "only the last segment of a mobile path is a prefix", "leave out the length");
      const most = tunnel6 ? MOBILE6_BITS : MOBILE4_BITS;
      if (isLast && found.bits > most)
        this.#mistake(
          at,
          `the arguments need ${128 - most} bits behind the prefix, which leaves at most /${most}`,
          `such as ${found.address}/48`,
        );
    }
    const { kind, isReduced } = HEADENDS[policy.headend];
    const listed = segments.length - (isReduced ? 1 : 0) + (kind === HEADENDS["H.Insert"].kind || dropIn ? 1 : 0);
    if (listed > 10)
      this.#mistake(
        [...path, "segments"],
        `an SRH of ${listed} segments is more than 10`,
        "use compressed SIDs, or a binding SID",
      );
    if (nextHop?.address !== undefined) this.#prefix([...path, "nextHop", "address"], nextHop.address);
  }

  #sid(path: readonly (string | number)[], sid: SidConfig): void {
    const found = this.#prefix([...path, "sid"], sid.sid, 6);
    for (const field of NEEDS[sid.behaviour] ?? [])
      if (sid[field] === undefined) this.#mistake(path, `${sid.behaviour} needs ${field}`, `add ${field}:`);
    if (sid.policy !== undefined) {
      const policy = this.#reference([...path, "policy"], sid.policy);
      const allowed = BINDS[sid.behaviour];
      if (policy && allowed && !allowed.includes(policy.headend))
        this.#mistake(
          [...path, "policy"],
          `${sid.behaviour} goes with ${allowed.join(" or ")}, not ${policy.headend}`,
          "give it a policy of its own",
        );
    }
    const { flavours = [], vlans = {} } = sid;
    if (flavours.length > 0 && !FLAVOURED.includes(sid.behaviour))
      this.#mistake([...path, "flavours"], `${sid.behaviour} has no flavours`, `they are of ${FLAVOURED.join(", ")}`);
    for (const vlan of Object.keys(vlans))
      if (Number(vlan) < 1 || Number(vlan) > 4094)
        this.#mistake([...path, "vlans", vlan], `${vlan} is no VLAN`, "1 to 4094");
    if (sid.behaviour === "End.M.GTP6.D.Di") this.#owns([...path, "policy"], sid.policy ?? "");
    if (sid.map !== undefined) this.#address([...path, "map"], sid.map, 6);
    if (sid.source !== undefined) this.#address([...path, "source"], sid.source, 6);
    if (sid.nextHop?.address !== undefined) this.#prefix([...path, "nextHop", "address"], sid.nextHop.address);
    if (!found) return;
    if (found.value >> 64n === 0n)
      this.#mistake([...path, "sid"], "a SID begins with a locator", "such as fc00:1:0:e::/64");
    this.#room(path, sid, found.bits);
  }

  /** Behind the segments of its policy comes the packet's own destination, which others have not. */
  #owns(path: readonly (string | number)[], policy: string): void {
    const { sids = [], steering = [] } = this.#config;
    const isShared =
      sids.some((one) => one.policy === policy && one.behaviour !== "End.M.GTP6.D.Di") ||
      steering.some((one) => one.policy === policy);
    if (isShared)
      this.#mistake(path, `${policy} is used by others than End.M.GTP6.D.Di`, "give it a policy of its own");
  }

  #room(
    path: readonly (string | number)[],
    { behaviour, groupBits = 16, flavours = [], block = 0 }: SidConfig,
    bits: number,
  ): void {
    const most = { "End.M.GTP4.E": MOBILE4_BITS, "End.M.GTP6.E": MOBILE6_BITS, "End.Limit": 96 - groupBits }[
      behaviour as "End.Limit"
    ];
    if (most !== undefined && bits > most)
      this.#mistake(
        [...path, "sid"],
        `${behaviour} needs ${128 - most} bits behind the prefix, which leaves at most /${most}`,
        "shorten the prefix",
      );
    if (flavours.includes("NEXT-CSID") && !(block > 0 && block < bits))
      this.#mistake(
        [...path, "block"],
        "NEXT-CSID needs the length of the locator block, less than that of the SID",
        "such as block: 32",
      );
  }
}

export const checkConfig = (config: Srv6Config): readonly Mistake[] => new Checker(config).run();
