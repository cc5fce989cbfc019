/**
 * What a test leaves in the system (namespaces, mounts, processes) goes when its worker ends, however that is: at its end,
 * by SIGINT or SIGTERM, and when the test runner itself has been killed.
 *
 * Vitest replaces process.exit in its workers, so the exit handlers are called here.
 */

type Undo = () => void;
const undos = new Set<Undo>();

/** Calls `undo` when the process ends, unless the function that is returned was called before. */
export function atEnd(undo: Undo): () => void {
  undos.add(undo);
  return () => undos.delete(undo);
}

const ofFile: Undo[] = [];

/** Calls `undo` after the test file that runs now. A hook of a module would run once a process, which several files may share. */
export function atFileEnd(undo: Undo): void {
  ofFile.push(undo);
}

/** Called by the set-up of each test file. */
export function endOfFile(): void {
  for (const undo of ofFile.splice(0).reverse()) undo();
}

/** In the reverse order of registration: processes before their namespaces. One that fails does not keep the others. */
function undoAll(): void {
  for (const undo of [...undos].reverse()) {
    undos.delete(undo);
    try {
      undo();
    } catch (error) {
      process.stderr.write(`clean-up: ${String(error)}\n`);
    }
  }
}

const end = (status: number): void => {
  undoAll();
  (process as unknown as { reallyExit(status: number): never }).reallyExit(status);
};

process.on("exit", undoAll);
process.on("SIGINT", () => end(130));
process.on("SIGTERM", () => end(143));
// The channel to the test runner closes when that has ended.
if (process.connected) process.on("disconnect", () => end(1));
