/**
 * Files of the command line: read whole or as streams, written so that a failure leaves the old file as it was.
 */

import { once } from "node:events";
import { createReadStream, createWriteStream, rmSync, type Stats } from "node:fs";
import { chmod, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { locate, type XdpkitError, XdpkitError as XdpkitErrorClass, xdpkitError } from "../base/index.ts";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  EACCES: "permission denied",
  EPERM: "not permitted",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of the path is no folder",
  ENOSPC: "the disk is full",
  EROFS: "the file system is read-only",
};

export function fileError(action: "read" | "write", file: string, cause: unknown): XdpkitError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reason =
    action === "write" && code === "ENOENT" ? "the folder does not exist" : (REASONS[code ?? ""] ?? message);
  return xdpkitError("CLI_FILE", { action, reason }, { at: { kind: "file", file }, cause });
}

/** @throws XdpkitError CLI_FILE */
export async function readBytes(file: string): Promise<Uint8Array> {
  try {
    const buffer = await readFile(file);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch (cause) {
    throw fileError("read", file, cause);
  }
}

export async function readText(file: string): Promise<string> {
  return new TextDecoder().decode(await readBytes(file));
}

/** The file in chunks, with its size when it has one. @throws XdpkitError CLI_FILE */
export async function openInput(file: string): Promise<{ chunks: AsyncIterable<Uint8Array>; size: number }> {
  if (file === "-") return { chunks: chunksOf(process.stdin, file), size: 0 };
  try {
    const { size } = await stat(file);
    const stream = createReadStream(file, { highWaterMark: 1 << 18 });
    await once(stream, "open");
    return { chunks: chunksOf(stream, file), size };
  } catch (cause) {
    throw fileError("read", file, cause);
  }
}

/** What fails while reading (a folder, a disk) is an error of the file, too. */
async function* chunksOf(stream: AsyncIterable<Uint8Array>, file: string): AsyncIterable<Uint8Array> {
  const chunks = stream[Symbol.asyncIterator]();
  const next = async () => {
    try {
      return await chunks.next();
    } catch (cause) {
      throw fileError("read", file, cause);
    }
  };
  try {
    for (let one = await next(); !one.done; one = await next()) yield one.value;
  } finally {
    await chunks.return?.();
  }
}

async function statOrNull(file: string): Promise<Stats | null> {
  try {
    return await stat(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw fileError("write", file, cause);
  }
}

/** Writing onto what is read would lose it. @throws XdpkitError CLI_FILE */
async function refuseInput(file: string, old: Stats, input: string): Promise<void> {
  const read = input === "-" ? null : await stat(input);
  if (!read?.isFile() || read.dev !== old.dev || read.ino !== old.ino) return;
  const hint = "write to another file";
  throw xdpkitError("CLI_FILE", { action: "write", reason: "it is the input" }, { at: { kind: "file", file }, hint });
}

/** Says in which file an error without one happened. */
export async function inFile<T>(file: string, body: () => Promise<T> | T): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw error instanceof XdpkitErrorClass ? locate(error, { kind: "file", file }) : error;
  }
}

const STAGE_BYTES = 1 << 18;

/** Partial files of this process; none outlives it. */
const partials = new Set<string>();
process.on("exit", () => {
  for (const path of partials) rmSync(path, { force: true });
});

interface PartialFile {
  readonly path: string;
  /** The file that it becomes, behind symbolic links. */
  readonly target: string;
  /** Permissions of the file that was there. */
  readonly mode: number | undefined;
}

/** A file that takes its name only when it is complete; devices and pipes are written directly. */
export class OutputFile {
  readonly #file: string;
  /** Where the bytes go until `finish`; null for a device or pipe. */
  readonly #partial: PartialFile | null;
  readonly #stream: Writable;
  #failure: unknown;
  #staged = new Uint8Array(STAGE_BYTES);
  #used = 0;

  private constructor(file: string, partial: PartialFile | null, stream: Writable) {
    this.#file = file;
    this.#partial = partial;
    this.#stream = stream;
    stream.on("error", (error) => {
      this.#failure ??= error;
    });
  }

  /** `input` is the file that is being read; `-` is standard output. @throws XdpkitError CLI_FILE when it cannot be written */
  static async open(file: string, input: string): Promise<OutputFile> {
    if (file === "-") return new OutputFile("standard output", null, process.stdout);
    const old = await statOrNull(file);
    if (old) await refuseInput(file, old, input);
    if (old?.isDirectory()) throw fileError("write", file, { code: "EISDIR" });
    try {
      const partial = old && !old.isFile() ? null : await partialOf(file, old);
      if (partial) partials.add(partial.path);
      const stream = createWriteStream(partial?.path ?? file, { highWaterMark: 1 << 18 });
      await once(stream, "open");
      return new OutputFile(file, partial, stream);
    } catch (cause) {
      throw fileError("write", file, cause);
    }
  }

  /** Takes the bytes at once; call `flush` when it is full, and now and then. */
  write(bytes: Uint8Array): void {
    if (this.#used + bytes.length > this.#staged.length) this.#stage();
    if (bytes.length > this.#staged.length) {
      this.#stream.write(bytes);
      return;
    }
    this.#staged.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** True when the disk is behind: `await flush()` then waits for it. */
  get full(): boolean {
    return this.#stream.writableNeedDrain || this.#failure !== undefined;
  }

  /** @throws XdpkitError CLI_FILE */
  async flush(): Promise<void> {
    if (this.#stream.writableNeedDrain && this.#failure === undefined) await this.#drained();
    if (this.#failure !== undefined) throw fileError("write", this.#file, this.#failure);
  }

  #drained(): Promise<void> {
    const stream = this.#stream;
    return new Promise((resolve) => {
      const done = (): void => {
        stream.off("drain", done).off("close", done);
        resolve();
      };
      stream.on("drain", done).on("close", done);
    });
  }

  /** Hands what was taken to the stream, which keeps the buffer. */
  #stage(): void {
    if (this.#used > 0) this.#stream.write(this.#staged.subarray(0, this.#used));
    this.#staged = new Uint8Array(STAGE_BYTES);
    this.#used = 0;
  }

  /** Puts the file in place. */
  async finish(): Promise<void> {
    try {
      this.#stage();
      await this.#ended();
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#partial === null) return;
      const { path, target, mode } = this.#partial;
      if (mode !== undefined) await chmod(path, mode);
      await rename(path, target);
      partials.delete(path);
    } catch (cause) {
      throw fileError("write", this.#file, cause);
    }
  }

  /** Standard output stays open; it is done when the last of it was taken. */
  async #ended(): Promise<void> {
    const stream = this.#stream;
    if (stream === process.stdout) return new Promise((resolve) => stream.write("", () => resolve()));
    stream.end();
    await finished(stream);
  }

  /** Throws what was written away; the old file stays. */
  async discard(): Promise<void> {
    if (this.#stream !== process.stdout) this.#stream.destroy();
    if (this.#partial) await rm(this.#partial.path, { force: true });
  }
}

async function partialOf(file: string, old: Stats | null): Promise<PartialFile> {
  const target = old ? await realpath(file) : file;
  const path = join(dirname(target), `.${basename(target)}.${process.pid}.part`);
  return { path, target, mode: old ? old.mode & 0o7777 : undefined };
}
