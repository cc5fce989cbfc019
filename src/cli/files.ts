/**
 * Files of the command line: read whole or as streams, written so that a failure leaves the old file as it was.
 */

import { once } from "node:events";
import { createReadStream, createWriteStream, type WriteStream } from "node:fs";
import { readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
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

function fileError(action: "read" | "write", file: string, cause: unknown): XdpkitError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reason = REASONS[code ?? ""] ?? message;
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
  if (file === "-") return { chunks: process.stdin, size: 0 };
  try {
    const { size } = await stat(file);
    const stream = createReadStream(file, { highWaterMark: 1 << 18 });
    await once(stream, "open");
    return { chunks: stream, size };
  } catch (cause) {
    throw fileError("read", file, cause);
  }
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

/** A file that takes its name only when it is complete. */
export class OutputFile {
  readonly #file: string;
  readonly #partial: string;
  readonly #stream: WriteStream;
  #failure: unknown;
  #staged = new Uint8Array(STAGE_BYTES);
  #used = 0;

  private constructor(file: string, partial: string, stream: WriteStream) {
    this.#file = file;
    this.#partial = partial;
    this.#stream = stream;
    stream.on("error", (error) => {
      this.#failure ??= error;
    });
  }

  /** @throws XdpkitError CLI_FILE when the folder takes no file */
  static async open(file: string): Promise<OutputFile> {
    const partial = join(dirname(file), `.${basename(file)}.${process.pid}.part`);
    const stream = createWriteStream(partial, { highWaterMark: 1 << 18 });
    try {
      await once(stream, "open");
    } catch (cause) {
      throw fileError("write", file, cause);
    }
    return new OutputFile(file, partial, stream);
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
      this.#stream.end();
      await once(this.#stream, "close");
      if (this.#failure !== undefined) throw this.#failure;
      await rename(this.#partial, this.#file);
    } catch (cause) {
      throw fileError("write", this.#file, cause);
    }
  }

  /** Throws what was written away; the old file stays. */
  async discard(): Promise<void> {
    this.#stream.destroy();
    await rm(this.#partial, { force: true });
  }
}
