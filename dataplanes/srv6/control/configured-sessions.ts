/** What another configuration means for the sessions that there are. */
import { takesTunnels } from "./check.ts";
import type { Srv6Config } from "./config.ts";
import type { Numbering } from "./numbering.ts";
import { parsePrefix } from "./prefix.ts";
import type { NewSession, SessionTable, Tunnel } from "./sessions.ts";

/** A configuration with the numbers that it gave to its policies. */
interface Numbered {
  readonly config: Srv6Config;
  readonly numbers: Numbering;
}

/**
 * Gives the table the sessions that the configuration names. Those that were added otherwise stay, unless their policy goes.
 * `before`: the numbers that the sessions have, and the configuration that they came from, if it is known.
 *
 * @throws Srv6Error SRV6_FULL; then nothing has changed
 */
export function applyConfigured(
  table: SessionTable,
  { config, numbers }: Numbered,
  before: { readonly config: Srv6Config | undefined; readonly numbers: Numbering },
): void {
  const wanted = (config.sessions ?? []).map(
    ({ address, teid, policy }): NewSession => ({ ...tunnelOf(address, teid), policy: numbers.policies[policy]! }),
  );
  const moved = wanted.filter((one) => isThere(table, one) && table.policyOf(one.address, one.teid) !== one.policy);
  const fresh = wanted.filter((one) => !isThere(table, one));

  const kept = new Set(wanted.map(keyOf));
  const formerly = (before.config?.sessions ?? []).map(({ address, teid }) => tunnelOf(address, teid));
  const orphans = table.othersThan(keepablePolicies({ config, numbers }, before.numbers));
  const leaving = [...formerly.filter((one) => isThere(table, one)), ...orphans];
  const gone = new Map(leaving.filter((one) => !kept.has(keyOf(one))).map((one) => [keyOf(one), one]));
  table.change([...moved, ...fresh], [...gone.values(), ...moved]);
}

/** Numbers of policies that sessions may keep: not those of other policies before, for numbers are given again. */
function keepablePolicies({ config, numbers }: Numbered, before: Numbering): ReadonlySet<number> {
  const owners = new Map(Object.entries(before.policies).map(([name, number]) => [number, name]));
  const kept = (config.policies ?? []).filter(({ name }) => (owners.get(numbers.policies[name]!) ?? name) === name);
  return new Set(kept.filter(takesTunnels).map(({ name }) => numbers.policies[name]!));
}

const tunnelOf = (address: string, teid: number): Tunnel => ({ address: Number(parsePrefix(address).value), teid });
const keyOf = ({ address, teid }: Tunnel): string => `${address} ${teid}`;
const isThere = (table: SessionTable, { address, teid }: Tunnel): boolean => table.has(address, teid);
