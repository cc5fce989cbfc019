/** What tests ask of code that reads, writes and refuses: bytes from text, errors as code and place. */
import { concatBytes, parseHex, XdpkitError } from "../src/base/index.ts";

/** Bytes of hexadecimal text; spaces are for the eye. */
export function hex(text: string): Uint8Array {
  const bytes = parseHex(text);
  if (!bytes) throw new Error(`no hexadecimal text: ${text}`);
  return bytes;
}

/** All chunks of a stream as one. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const list: Uint8Array[] = [];
  for await (const chunk of chunks) list.push(chunk);
  return concatBytes(...list);
}

function placeOf({ at }: XdpkitError): string | number | undefined {
  return at?.kind === "path" ? at.path : at?.kind === "byte" ? at.offset : undefined;
}

/** Code and place of the XdpkitError that `run` throws. Every one of them says what to do. */
export function refusal(run: () => unknown): [code: string, place: string | number | undefined] {
  try {
    run();
  } catch (error) {
    if (!(error instanceof XdpkitError) || !error.hint) throw error;
    return [error.code, placeOf(error)];
  }
  throw new Error("nothing was thrown");
}

/** What a generator yields until it ends or throws, and the error as `CODE at place`. */
export async function outcome<T>(items: AsyncIterable<T>): Promise<{ items: T[]; error: string | null }> {
  const list: T[] = [];
  try {
    for await (const item of items) list.push(item);
  } catch (error) {
    if (!(error instanceof XdpkitError) || !error.hint) throw error;
    return { items: list, error: `${error.code} at ${placeOf(error)}` };
  }
  return { items: list, error: null };
}
