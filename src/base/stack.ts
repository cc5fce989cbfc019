/**
 * Stacks of errors as their readers need them: where they called xdpkit, not where xdpkit found out.
 *
 * Invariant: frames become text when the stack is read, because the compiler throws many errors that it catches itself.
 */

/** The package's folders, as frames and as source maps name them; empty where a bundler has moved this file. */
const FOLDERS = foldersOf(import.meta.url);

/** More than V8's ten: the caller stands below the compiler's own frames. */
const DEPTH = 100;

/** Gives `error` a stack of its message and of the frames outside of xdpkit. */
export function keepCallersFrames(error: Error): void {
  const captured = capture(error);
  Object.defineProperty(error, "stack", {
    configurable: true,
    get: () => [`${error.name}: ${error.message}`, ...framesOf(captured).filter((line) => !isOurs(line))].join("\n"),
    set: (value: unknown) => Object.defineProperty(error, "stack", { value, writable: true, configurable: true }),
  });
}

/** Frames of xdpkit between its caller and a constructor, at most. */
const SHALLOW = 16;

interface CallSite {
  getFileName(): string | null | undefined;
}

/**
 * Where xdpkit was called: `main (file:///app.ts:3:5)`. It is text at once, because frames that are not text yet keep what
 * they were called on from being collected; only one frame is printed, because that is what takes the time.
 */
export function callersFrame(): string {
  const v8 = Error as { prepareStackTrace?: unknown };
  const before = v8.prepareStackTrace;
  v8.prepareStackTrace = (_: Error, sites: readonly CallSite[]) =>
    String(sites.find((site) => !isOurs(site.getFileName() ?? "")) ?? "an unknown place");
  try {
    return capture(undefined, SHALLOW).stack ?? "an unknown place";
  } finally {
    v8.prepareStackTrace = before;
  }
}

function foldersOf(url: string | undefined): readonly string[] {
  const root = /^(.*\/)(?:dist|src)\/base\/stack\.[jt]s$/.exec(url?.replace(/[?#].*/, "") ?? "")?.[1];
  if (root === undefined) return [];
  const path = decodeURIComponent(root.replace(/^file:\/\//, ""));
  return ["dist/", "src/", "dataplanes/"].flatMap((folder) => [`${root}${folder}`, `${path}${folder}`]);
}

/** Frames of the package, but not of the tests that stand beside its source. */
const isOurs = (frame: string): boolean =>
  FOLDERS.some((folder) => frame.includes(folder)) && !/\.test\.ts\b/.test(frame);

/** What holds the frames: V8 formats them when its `stack` is read. */
function capture(error: Error | undefined, depth = DEPTH): { readonly stack?: string } {
  const v8 = Error as { captureStackTrace?: (target: object) => void; stackTraceLimit?: number | undefined };
  if (!v8.captureStackTrace) return error?.stack === undefined ? {} : { stack: error.stack };
  const limit = v8.stackTraceLimit;
  v8.stackTraceLimit = depth;
  const holder = {};
  v8.captureStackTrace(holder);
  v8.stackTraceLimit = limit;
  return holder;
}

const framesOf = ({ stack = "" }: { readonly stack?: string }): readonly string[] =>
  stack.split("\n").filter((line) => /^ {4}at /.test(line));
