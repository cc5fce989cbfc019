/** Timing on a noisy machine: alternating rounds, medians. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Medians of each subject's results over `rounds` rounds; the subjects take turns in every round. */
export function alternate(rounds: number, subjects: readonly (() => number)[]): number[] {
  const results: number[][] = subjects.map(() => []);
  for (const subject of subjects) subject();
  for (let round = 0; round < rounds; round++) {
    subjects.forEach((subject, i) => {
      results[i]!.push(subject());
    });
  }
  return results.map(median);
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}
