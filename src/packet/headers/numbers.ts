/** Constants of protocols. */

/**
 * Names for numbers, typed `number` rather than as literals: tsc must not conclude from one comparison that a field
 * can hold nothing else.
 */
export function numbers<K extends string>(names: Readonly<Record<K, number>>): Readonly<Record<K, number>> {
  return Object.freeze(names);
}
