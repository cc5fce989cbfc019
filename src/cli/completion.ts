/**
 * `xdpkit completion bash`: a script that completes commands, options and files, from the same table as `--help`.
 *
 * The script is a `case` over the words so far: `xdpkit map` offers what stands below `map`.
 */
import type { Command } from "commander";

/** Commands by the words that lead to them, and what may follow. */
function* wordsOf(command: Command, path: string): Generator<readonly [path: string, words: readonly string[]]> {
  const inner = command.commands.map((one) => one.name());
  const options = command
    .createHelp()
    .visibleOptions(command)
    .map(({ long, short }) => long ?? short ?? "");
  yield [path, [...inner, ...options]];
  for (const one of command.commands) yield* wordsOf(one, `${path} ${one.name()}`);
}

/** bash(1), "Programmable Completion". */
export function bashCompletion(program: Command): string {
  const rows = [...wordsOf(program, program.name())];
  const groups = rows.map(([path]) => path).filter((path) => rows.some(([other]) => other.startsWith(`${path} `)));
  const choices = rows.map(([path, words]) => `    "${path}") words="${words.join(" ")}" ;;`);
  return `# Completion of xdpkit for bash: eval "$(xdpkit completion bash)"
_xdpkit() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path=xdpkit words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path" in ${groups.map((path) => `"${path}"`).join(" | ")}) ;; *) break ;; esac
    [[ "\${COMP_WORDS[i]}" == -* ]] || path="$path \${COMP_WORDS[i]}"
  done
  case "$path" in
${choices.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ "$current" == -* ]] || COMPREPLY+=($(compgen -f -- "$current"))
}
complete -o filenames -F _xdpkit xdpkit
`;
}

export function addCompletionCommand(program: Command): void {
  program
    .command("completion")
    .summary("print a script for the shell's completion")
    .description(
      'Prints a script that completes commands, options and files: eval "$(xdpkit completion bash)" in ~/.bashrc.',
    )
    .argument("[shell]", "bash", "bash")
    .action((shell: string, _options: unknown, command: Command) => {
      if (shell !== "bash") command.error(`error: there is no completion for ${shell}, only for bash`);
      process.stdout.write(bashCompletion(program));
    });
}
