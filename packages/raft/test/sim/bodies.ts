import type { AppendedProposals, ServerId, StorageWrite } from "../../dist/core/index.js";
import type { CoreModule } from "./core.js";
import type { LogWrite } from "./durable-log.js";
import { chainOf } from "./entry.js";
import type { Command, EntryLog, SimEntry } from "./entry.js";
import { SimulationFailure } from "./failure.js";
import type { CorePacket } from "./packet.js";
import type { Requests } from "./requests.js";

/** An entry that is not in a log yet, so that what it follows is not settled. */
type Body = Omit<SimEntry, "prevChain" | "chain">;

const NOOP_BYTES = 32;

/** Finds the bodies that the core names by index and term: of what was proposed or received in the running turn. */
export class Bodies {
  readonly #id: ServerId;
  readonly #module: CoreModule;
  /** By index and term. Received entries are complete, proposed ones become so when they are placed. */
  readonly #staged = new Map<number, Body | SimEntry>();
  readonly #baseChains = new Map<number, number>();

  /** The hash under a base whose data arrived. */
  readonly #keptChain: (index: number) => number | null;

  constructor(id: ServerId, module: CoreModule, keptChain: (index: number) => number | null) {
    this.#id = id;
    this.#module = module;
    this.#keptChain = keptChain;
  }

  clear(): void {
    if (this.#staged.size > 0) this.#staged.clear();
  }

  stage(entries: readonly SimEntry[]): void {
    for (const entry of entries) this.#staged.set(keyOf(entry.index, entry.term), entry);
  }

  received({ message, baseChain }: CorePacket): void {
    if (message.kind === "installSnapshot") this.#baseChains.set(message.base.index, baseChain);
  }

  /** The chain of a base that is announced. By the time it is announced again the log may begin behind it. */
  announced(index: number, memory: EntryLog): number {
    const chain = memory.chainAt(index) ?? this.#baseChains.get(index) ?? -1;
    this.#baseChains.set(index, chain);
    return chain;
  }

  appended(appended: AppendedProposals<Command>, requests: Requests): void {
    const { configuration, firstIndex, kind, proposals, term } = appended;
    for (let at = 0; at < Math.max(1, proposals.length); at += 1) {
      const command = proposals[at] ?? null;
      const index = (firstIndex + at) as SimEntry["index"];
      const bytes =
        command?.bytes ??
        (configuration === null ? NOOP_BYTES : this.#module.configurationEntryBytes(configuration));
      this.#staged.set(keyOf(index, term), { index, term, kind, bytes, command, configuration });
      if (command !== null) requests.appended(command, index, term);
    }
  }

  /** Puts what the core wants written into memory; returns it with the bodies, as the log wants it. */
  place(write: StorageWrite, memory: EntryLog): LogWrite {
    const { base, hardState, thenSend, writeSeq } = write;
    let installed: LogWrite["base"] = null;
    if (base !== null) {
      const chain = this.#keptChain(base.index) ?? this.#baseChains.get(base.index) ?? -1;
      installed = { kind: "installed", base, chain };
      memory.reset(installed);
    }
    const entries: SimEntry[] = [];
    const [first] = write.entries;
    let chain = first === undefined ? 0 : (memory.chainAt(first.from - 1) ?? -1);
    for (const run of write.entries) {
      for (let index = run.from as number; index < run.to; index += 1) {
        const own = memory.at(index);
        const body = this.#staged.get(keyOf(index, run.term)) ?? (own?.term === run.term ? own : undefined);
        if (body === undefined) {
          throw new SimulationFailure(
            "a write names only entries that were proposed or received",
            `${this.#id} writes entry ${index} of term ${run.term}`,
          );
        }
        const entry = this.#behind(chain, body);
        chain = entry.chain;
        entries.push(entry);
      }
    }
    memory.replace(entries);
    return { writeSeq, hardState, base: installed, entries, thenSend };
  }

  #behind(chain: number, body: Body | SimEntry): SimEntry {
    if (!("chain" in body)) {
      return {
        ...body,
        prevChain: chain,
        chain: chainOf(chain, body.index, body.term, body.command, body.kind),
      };
    }
    if (body.prevChain !== chain) {
      throw new SimulationFailure(
        "two logs with an entry of one index and term agree up to there (log matching, §3.6.3)",
        `${this.#id} puts entry ${body.index} of term ${body.term} behind other entries`,
      );
    }
    return body;
  }
}

function keyOf(index: number, term: number): number {
  return term * 2 ** 26 + index;
}
