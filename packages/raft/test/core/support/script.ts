import { formatStatus, logIndex, serverId } from "../../../dist/core/index.js";
import type { MemberChange, Message, MembershipChange } from "../../../dist/core/index.js";
import { Cluster, configurationOf } from "./cluster.js";
import type { ClusterOptions } from "./cluster.js";
import { describeMessage, describeReady } from "./describe.js";

/**
 * Runs an interaction script: commands at the start of a line, what they lead to indented below. Comments begin with #.
 *
 *     cluster A B C [learners D] [witnesses C] [outgoing A B] [servers A B C D] [option=number …]
 *     log A 1 1 4 [term 6]           A's log at the start, as terms; its current term when that is later
 *     timeout A | tick A [N] | round [N] | heartbeats A N | settle | until A leads
 *     propose A word … | read A id | transfer A B | leave A | compact A index | lost A B
 *     change A addLearner D, promote D, demote C, remove C [joint|manual]
 *     deliver [N] [from A] [to B] [kind K] | drop [from A] [to B] [kind K]
 *     persist A [N] | hold A | release A | holdSnapshots A | finishSnapshot A
 *     cut A B | isolate A | mend [A B] | crash A | restart A
 *     logs | state | status A | status leader | network
 *     quietly COMMAND                the same, without telling what happens
 */
export class Script {
  readonly #settings: ClusterOptions = {
    onMessage: (message, fate) =>
      this.#tell(`${describeMessage(message)}${fate === "lost" ? "   (lost)" : ""}`),
    onReady: (server, ready) => describeReady(server, ready).forEach((line) => this.#tell(line)),
    onPersisted: (server, writeSeq) => this.#tell(`${server.id} has #${writeSeq} on disk`),
  };
  #lines: string[] = [];
  #quiet = false;
  #names: string[] = [];
  #more: ClusterOptions = {};
  readonly #logs: Record<string, number[]> = {};
  readonly #terms: Record<string, number> = {};
  #cluster: Cluster | null = null;

  /** Carries one command out; returns what happened, line by line. */
  run(command: string): string[] {
    this.#lines = [];
    this.#quiet = false;
    let words = command.trim().split(/\s+/);
    if (words[0] === "quietly") {
      this.#quiet = true;
      words = words.slice(1);
    }
    const [name = "", ...args] = words;
    this.#command(name, args);
    return this.#lines;
  }

  get #running(): Cluster {
    this.#cluster ??= new Cluster(this.#names, {
      ...this.#settings,
      ...this.#more,
      logs: this.#logs,
      terms: this.#terms,
    });
    return this.#cluster;
  }

  #tell(line: string): void {
    if (!this.#quiet) this.#lines.push(line);
  }

  #command(name: string, args: readonly string[]): void {
    const [first = "", second = ""] = args;
    switch (name) {
      case "cluster":
        this.#define(args);
        return;
      case "log": {
        const at = args.indexOf("term");
        this.#logs[first] = args.slice(1, at === -1 ? undefined : at).map(Number);
        if (at !== -1) this.#terms[first] = Number(args[at + 1]);
        return;
      }
      case "deliver":
        this.#deliver(args);
        return;
      case "drop":
        this.#running.drop(this.#picker(args));
        return;
      case "change":
        this.#change(first, args.slice(1));
        return;
      case "logs":
      case "state":
      case "status":
      case "network":
        this.#show(name, first);
        return;
      default:
        this.#act(name, first, second, args);
    }
  }

  #act(name: string, first: string, second: string, args: readonly string[]): void {
    const cluster = this.#running;
    const actions: Readonly<Record<string, () => unknown>> = {
      timeout: () => cluster.timeout(first),
      tick: () => cluster.tick(first, Number(second || 1)),
      round: () => cluster.round(Number(first || 1)),
      settle: () => cluster.settle(),
      heartbeats: () => cluster.heartbeats(first, Number(second)),
      until: () => cluster.until(`${first} leads`, () => cluster.leader?.id === serverId(first)),
      propose: () => cluster.propose(first, ...args.slice(1)),
      read: () => cluster.get(first).step({ kind: "read", readId: Number(second) }),
      transfer: () => cluster.get(first).step({ kind: "transferLeadership", to: serverId(second) }),
      leave: () => cluster.get(first).step({ kind: "leaveJoint" }),
      lost: () => cluster.get(first).step({ kind: "connectionLost", peer: serverId(second) }),
      compact: () => cluster.get(first).compact(logIndex(Number(second))),
      persist: () =>
        cluster.get(first).persist(second === "" ? cluster.get(first).pending.length : Number(second)),
      hold: () => cluster.heldDisks.add(first),
      release: () => cluster.heldDisks.delete(first),
      holdSnapshots: () => cluster.heldSnapshots.add(first),
      finishSnapshot: () => cluster.finishSnapshot(first),
      cut: () => cluster.cut(first, second),
      isolate: () => cluster.isolate(first),
      mend: () => (first === "" ? cluster.mend() : cluster.mend(first, second)),
      crash: () => cluster.crash(first),
      restart: () => cluster.restart(first),
    };
    const action = actions[name];
    if (action === undefined) throw new SyntaxError(`there is no command "${name}"`);
    action();
  }

  #define(args: readonly string[]): void {
    const lists: Record<string, string[]> = {
      voters: [],
      learners: [],
      witnesses: [],
      outgoing: [],
      servers: [],
    };
    const options: Record<string, number> = {};
    let into = "voters";
    for (const word of args) {
      const [key = "", value] = word.split("=");
      if (value !== undefined) options[key] = Number(value);
      else if (Object.hasOwn(lists, word)) into = word;
      else lists[into]?.push(word);
    }
    const { voters = [], servers = [], learners = [], ...more } = lists;
    this.#names =
      servers.length > 0 ? servers : [...new Set([...voters, ...(more["outgoing"] ?? []), ...learners])];
    this.#more = { options, configuration: configurationOf(voters, { learners, ...more }) };
  }

  #deliver(args: readonly string[]): void {
    const count = Number(args[0]);
    const pick = this.#picker(args);
    let left = Number.isNaN(count)
      ? this.#running.network.filter(({ message }) => pick(message)).length
      : count;
    while (left > 0 && this.#running.deliver(pick)) left -= 1;
  }

  #picker(args: readonly string[]): (message: Message) => boolean {
    const after = (word: string): string | null =>
      args.includes(word) ? (args[args.indexOf(word) + 1] ?? null) : null;
    const [from, to, kind] = [after("from"), after("to"), after("kind")];
    return (message) =>
      (from === null || message.from === serverId(from)) &&
      (to === null || message.to === serverId(to)) &&
      (kind === null || message.kind === kind);
  }

  #change(at: string, words: readonly string[]): void {
    let joint: MembershipChange["joint"] = "auto";
    const members: MemberChange[] = [];
    for (const part of words.join(" ").split(",")) {
      const [kind = "", name = "", mode] = part.trim().split(/\s+/);
      if (mode !== undefined) joint = mode === "manual" ? "manual" : "always";
      const id = serverId(name);
      if (kind === "addLearner") members.push({ kind, id, witness: false });
      else if (kind === "promote" || kind === "demote" || kind === "remove") members.push({ kind, id });
      else throw new SyntaxError(`"${kind}" changes no member`);
    }
    this.#running.get(at).step({ kind: "changeMembership", change: { members, joint } });
  }

  #show(what: "logs" | "state" | "status" | "network", name: string): void {
    const cluster = this.#running;
    this.#quiet = false;
    if (what === "status") {
      const server = name === "leader" ? cluster.leader : cluster.get(name);
      this.#lines.push(...(server === null ? ["nobody leads"] : formatStatus(server.status).split("\n")));
    } else if (what === "network")
      for (const { message } of cluster.network) this.#tell(describeMessage(message));
    else
      for (const [id, server] of cluster.servers) {
        if (!server.alive) this.#tell(`${id} is down`);
        else if (what === "logs") this.#tell(`${id}  ${this.#log(id)}`);
        else {
          const { role, currentTerm, leader, lastIndex, lastTerm, durableIndex, commitIndex } = server.status;
          this.#tell(
            `${id} ${role} in term ${currentTerm}, leader ${leader ?? "unknown"}, log ends ${lastIndex}@${lastTerm}, durable ${durableIndex}, commit ${commitIndex}`,
          );
        }
      }
  }

  /** The log as terms, with a bar behind what is committed: `1 1 2 | 3`. */
  #log(name: string): string {
    const { raft, status } = this.#running.get(name);
    const terms: string[] = status.base.index > 0 ? [`(${status.base.index} compacted)`] : [];
    for (let index: number = status.base.index; index <= status.lastIndex; index += 1) {
      if (index > status.base.index) terms.push(`${raft.termAt(logIndex(index))}`);
      if (index === status.commitIndex) terms.push("|");
    }
    return terms.join(" ");
  }
}

/** A script as it would be with what happens now; equal to `text` when all is as expected. */
export function replay(text: string): string {
  const script = new Script();
  const lines: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("  ")) continue;
    lines.push(line);
    if (line === "" || line.startsWith("#")) continue;
    for (const told of script.run(line)) lines.push(`  ${told}`);
  }
  return lines.join("\n");
}
