/** `xdpkit srv6 …`: the SRv6 mobile user plane (dataplanes/srv6). Its commands are loaded when they are asked for. */
import type { Command } from "commander";

/** dataplanes/srv6/commands: a customer of the package, so it is imported as one. */
const COMMANDS = "xdpkit/srv6/commands";

type Options = Readonly<Record<string, unknown>>;
type Commands = Readonly<Record<string, (...words: unknown[]) => Promise<void>>>;

/** Commander calls with the arguments, the options and the command. */
const run =
  (name: string) =>
  async (...words: unknown[]): Promise<void> => {
    const commands = (await import(/* @vite-ignore */ COMMANDS)) as Commands;
    const given = words.slice(0, -2);
    const { mode, ...options } = words.at(-2) as Options & { readonly mode?: string };
    await commands[name]!(...given, { ...options, ...(mode === undefined ? {} : { mode: mode.split("-or-") }) });
  };

const PLACE = [
  ["--netns <name>", "of a network namespace: a name that ip netns list shows, or a path"],
  ["--run <folder>", "where its socket is (default: /run/xdpkit)"],
] as const;

function withPlace(command: Command): Command {
  for (const [flag, description] of PLACE) command.option(flag, description);
  return command;
}

export function addSrv6Command(program: Command): void {
  const srv6 = program
    .command("srv6")
    .summary("the SRv6 mobile user plane")
    .description(
      "Runs an SRv6 data plane in XDP: endpoints, headends and GTP-U to SRv6 and back (RFC 8986, RFC 9433). docs/srv6.md describes its file.",
    );
  addLifeCommands(srv6);
  addViewCommands(srv6);
  addSessionCommands(srv6);
}

function addLifeCommands(srv6: Command): void {
  withPlace(srv6.command("up"))
    .description("Loads a configuration, attaches it and follows the kernel's routes and neighbours until it is ended.")
    .argument("<file>", "srv6.yaml")
    .option("-b, --background", "return when it is up")
    .option("--mode <mode>", "native, generic, or native-or-generic (default)")
    .option("--pin-path <folder>", "in a bpf file system (default: /sys/fs/bpf/srv6)")
    .option("--replace", "take the place of programs that others have attached")
    .action(run("up"));
  withPlace(srv6.command("down"))
    .description("Detaches it everywhere and removes what is pinned, also when its process has gone.")
    .option("--pin-path <folder>", "where it was pinned")
    .action(run("down"));
  withPlace(srv6.command("reload"))
    .description("Takes a changed configuration at once, or not at all.")
    .argument("[file]", "srv6.yaml; default: the one that it runs")
    .option("--json", "print the status as JSON")
    .action(run("reload"));
  srv6
    .command("check")
    .description("Reads a configuration and says what is wrong.")
    .argument("<file>", "srv6.yaml")
    .action(run("check"));
  srv6.command("schema").description("Prints the JSON Schema of the configuration, for editors.").action(run("schema"));
}

function addViewCommands(srv6: Command): void {
  for (const [name, action, description] of [
    ["status", "status", "Says what runs, and which next hops are not resolved."],
    ["stats", "stats", "Prints packets and bytes by interface, SID and policy, and what became of packets."],
    ["sid", "sids", "Lists the local SIDs with what they counted."],
    ["policy", "policies", "Lists the policies with what they counted."],
  ] as const)
    withPlace(srv6.command(name)).description(description).option("--json", "print it as JSON").action(run(action));
  withPlace(srv6.command("drops"))
    .description("Shows packets that were dropped lately, with the reason: a few of each second (dropSamples).")
    .option("--follow", "go on with those that come, until it is ended")
    .option("--write <capture>", "write them to a pcapng file, too, with the reason as comment")
    .option("--json", "print a line of JSON for each")
    .action(run("drops"));
  withPlace(srv6.command("top"))
    .description("Shows rates each second.")
    .option("--count <n>", "end after so many seconds")
    .action(run("top"));
}

function addSessionCommands(srv6: Command): void {
  const session = srv6.command("session").description("Shows and changes the tunnels that have a policy of their own.");
  withPlace(session.command("list"))
    .description("Lists them with what they counted.")
    .option("--json", "print them as JSON")
    .action(run("listSessions"));
  withPlace(session.command("add"))
    .description("Adds one.")
    .argument("<address>", "IPv4 address that the tunnel leads to")
    .argument("<teid>", "decimal or 0x…")
    .argument("<policy>", "name of a policy of H.M.GTP4.D")
    .action(run("addSession"));
  withPlace(session.command("delete"))
    .description("Takes one away.")
    .argument("<address>", "IPv4 address that the tunnel leads to")
    .argument("<teid>", "decimal or 0x…")
    .action(run("deleteSession"));
  withPlace(session.command("load"))
    .description("Adds those of a file, a line each: address, TEID, policy. All or none.")
    .argument("<file>", "such as sessions.csv")
    .action(run("loadSessions"));
}
