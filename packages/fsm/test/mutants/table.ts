/** One way to break a rule: a snippet of the state machine's source, and what to put in its place. */
export interface Mutant {
  readonly rule: string;
  /** What is wrong then. */
  readonly says: string;
  /** Within `src`. */
  readonly file: string;
  /** Must stand in the file exactly once. */
  readonly original: string;
  readonly replacement: string;
}

type Change = readonly [original: string, replacement: string];

function mutant(rule: string, says: string, file: string, [original, replacement]: Change): Mutant {
  return { rule, says, file, original, replacement };
}

/** At least one for each rule that is the state machine's; F6 is the node's. Those without a rule break what commands mean. */
export const MUTANTS: readonly Mutant[] = [
  mutant(
    "F1",
    "the floor that refuses a compaction is that of this replica's checkpoint",
    "state-machine.ts",
    ["compactionFloor: this.#store.compactionFloor", "compactionFloor: this.#store.checkpointed?.floor ?? 0"],
  ),
  mutant("F1", "what falls due at one time comes in no order", "due-queue.ts", [
    "(a.atMs === b.atMs && a.item.id < b.item.id)",
    "(a.atMs === b.atMs && a.item.id > b.item.id && a.item.dueMs > b.item.dueMs)",
  ]),
  mutant("F1", "a restart counts the answers that are kept anew, from nothing", "sessions.ts", [
    "      this.#keptBytes += session.results.bytes;\n",
    "",
  ]),
  mutant("F1", "a restart goes back to the settings by default", "machine-state.ts", [
    "      this.settings = { ...DEFAULT_SETTINGS, ...readSettings(reader, logFormat) };",
    "      readSettings(reader, logFormat);",
  ]),
  mutant("F1", "what older members do not know carries a format that they do", "log-format.ts", [
    '    case "hashCheck":\n      return 2;',
    '    case "hashCheck":\n      return LOG_FORMAT_BASE;',
  ]),
  mutant("F1", "the state names the log's format also where older members must read it", "settings.ts", [
    " && settings[name] === LOG_FORMAT_BASE",
    " && settings[name] !== LOG_FORMAT_BASE",
  ]),
  mutant(
    "F4",
    "an entry of a version that is yet to come is taken for one that is damaged",
    "log-format.ts",
    ["if (format > known)", "if (format > known + 1_000)"],
  ),
  mutant("F1", "a lease takes any number of keys by puts", "evaluate.ts", [
    "isFull && batch.peek(key)?.lease !== lease",
    "isFull && key.length < 0",
  ]),
  mutant("F1", "a key that is attached to a full lease cannot be put again", "evaluate.ts", [
    "isFull && batch.peek(key)?.lease !== lease",
    "isFull",
  ]),
  mutant("F1", "a lease takes any number of keys by a transaction", "txn.ts", [
    "    if (gain > 0 && leases",
    "    if (gain < 0 && leases",
  ]),
  mutant("F1", "keys that are taken off a lease count on", "leases.ts", [
    "    lease.keys += change;",
    "    lease.keys += Math.max(change, 0);",
  ]),
  mutant("F1", "a restart counts the keys of a lease anew, from nothing", "leases.ts", [
    "keys: reader.varint(), gone: false",
    "keys: 0 * reader.varint(), gone: false",
  ]),
  mutant("F1", "sessions span any number of answers that nobody confirms", "sessions.ts", [
    "    if (this.#span - results.span + span <= allResultsMax) return false;",
    "    if (allResultsMax > 0) return false;",
  ]),
  mutant("F3", "a number that was left out is refused when all span too much", "sessions.ts", [
    "    if (span <= results.span) return false;\n",
    "",
  ]),
  mutant("F1", "sessions have no share of what all may span", "sessions.ts", [
    "span > Math.max(1, Math.floor(allResultsMax / sessionsMax))",
    "span > 0",
  ]),
  mutant("F1", "a restart counts what sessions span anew, from nothing", "sessions.ts", [
    "      this.#span += session.results.span;\n",
    "",
  ]),
  mutant("F1", "what a session that is closed spans counts for ever", "sessions.ts", [
    "    this.#span -= session.results.span;\n",
    "",
  ]),
  mutant("C7", "the room of answers that were confirmed stays taken", "kept-results.ts", [
    "    if (this.#slots.length > SLOTS_KEPT && 4 * span < this.#slots.length) this.#resize(span);\n",
    "",
  ]),
  mutant("C5", "what changes before its turn is in the checkpoint as it is then", "items-sample.ts", [
    "    if (!this.#early.has(item.id)) this.#early.set(item.id, this.#written(item));\n",
    "",
  ]),
  mutant(
    "C5",
    "what changes twice before its turn is in the checkpoint as it was in between",
    "items-sample.ts",
    ["    if (!this.#early.has(item.id)) this.#early", "    this.#early"],
  ),
  mutant("C5", "the checkpoint has a session that is closed meanwhile as it was last", "sessions.ts", [
    "    this.#samples.changing(session);\n    session.dueMs",
    "    session.dueMs",
  ]),
  mutant("C5", "the small state is encoded in one turn", "items-sample.ts", [
    "bytes < sliceBytes;",
    "bytes < sliceBytes + Number.MAX_SAFE_INTEGER;",
  ]),
  mutant("C5", "a range delete in a transaction reads each value", "txn.ts", [
    "wantPrevious ? this.view.get(key) : this.view.peek(key)",
    "this.view.get(key)",
  ]),
  mutant("F2", "a no-op does not move the applied index", "state-machine.ts", [
    "          this.#begin(batch, entry);\n          results.push(null);",
    "          results.push(null);",
  ]),
  mutant("F2", "a command of a session that is gone does not move the applied index", "state-machine.ts", [
    "    this.#begin(batch, entry);\n    if (reader.stampMs",
    "    if (reader.session === 0 || state.sessions.find(reader.session) !== null) this.#begin(batch, entry);\n    if (reader.stampMs",
  ]),
  mutant("F3", "a number below one that was seen is taken for carried out", "sessions.ts", [
    "    if (first !== null) return first;\n",
    '    if (first !== null) return first;\n    if (results.has(number + 1)) return refused("OUTCOME_UNKNOWN", { number, answeredBelow });\n',
  ]),
  mutant("F3", "no answer is recorded", "sessions.ts", ["      results.set(number, result, bytes);\n", ""]),
  mutant("F3", "a refusal is not recorded", "sessions.ts", [
    '(result.kind === "refused" && NOT_RECORDED.has(result.code))',
    'result.kind === "refused"',
  ]),
  mutant("F3", "a refusal that passes is recorded for good", "sessions.ts", [
    '"SESSION_EXPIRED", "OVERLOADED"]);',
    '"SESSION_EXPIRED"]);',
  ]),
  mutant("F3", "an answer that is too large leaves no trace, and a retry is carried out", "sessions.ts", [
    '      results.set(number, { kind: "notKept", revision }, 0);\n',
    "",
  ]),
  mutant("F3", "answers that the client has are never forgotten", "sessions.ts", [
    "    if (answeredBelow <= results.answeredBelow) return;",
    "    if (answeredBelow >= 0) return;",
  ]),
  mutant("F3", "what was forgotten is carried out again", "sessions.ts", [
    '    if (number < answeredBelow) return refused("OUTCOME_UNKNOWN", { number, answeredBelow });\n',
    "",
  ]),
  mutant("F3", "an old copy takes back which answers the client has", "sessions.ts", [
    "Math.max(results.answeredBelow, envelope.answeredBelow)",
    "envelope.answeredBelow",
  ]),
  mutant("F3", "a batch overtakes its predecessor", "sessions.ts", [
    "if (predecessor >= answeredBelow && !results.has(predecessor)) {",
    "if (predecessor > number) {",
  ]),
  mutant("F3", "a batch is carried out behind one that failed", "sessions.ts", [
    "    if (predecessor === 0 || session.results",
    "    if (predecessor >= 0 || session.results",
  ]),
  mutant("F3", "a batch is refused behind one that failed, and a late copy of it is not", "sessions.ts", [
    '"SESSION_EXPIRED", "OVERLOADED"]);',
    '"SESSION_EXPIRED", "OVERLOADED", "PREDECESSOR_FAILED"]);',
  ]),
  mutant("F3", "a command of a session that has expired is carried out", "sessions.ts", [
    '    if (session === null) return refused("SESSION_EXPIRED", { session: envelope.session });\n',
    "    if (session === null) return null;\n",
  ]),
  mutant("F3", "a session that is in use expires", "sessions.ts", [
    "    session.dueMs = logTimeMs + session.ttlMs;\n    const",
    "    const",
  ]),
  mutant("F3", "the answers of a session that is closed count for ever", "sessions.ts", [
    "    this.#keptBytes -= session.results.bytes;\n",
    "",
  ]),
  mutant("F3", "sessions are not in the checkpoint", "machine-state.ts", [
    "this.sessions.slices(sliceBytes)",
    "new Sessions().slices(sliceBytes)",
  ]),
  mutant("F3", "the answers are not in the checkpoint", "kept-results.ts", [
    "    writer.varint(this.#below);\n",
    "    writer.varint(this.#below);\n    writer.varint(0);\n    if (this.#end > 0) return;\n",
  ]),
  mutant("F3", "the clock entry ends no session", "evaluate.ts", [
    "  for (const session of sessions) state.sessions.close(session);\n",
    "",
  ]),
  mutant("F4", "an entry that cannot be carried out is skipped", "state-machine.ts", [
    "      this.#store.fail(error);\n      throw error;",
    "      results.push(null);",
  ]),
  mutant("F4", "the store goes on after an exception in apply", "state-machine.ts", [
    "      this.#store.fail(error);\n",
    "",
  ]),
  mutant("F5", "log time is a wall clock", "state-machine.ts", [
    "if (reader.stampMs > state.logTimeMs) state.logTimeMs = reader.stampMs;",
    "state.logTimeMs = Date.now();",
  ]),
  mutant("F5", "log time goes back", "state-machine.ts", [
    "if (reader.stampMs > state.logTimeMs) state.logTimeMs = reader.stampMs;",
    "state.logTimeMs = reader.stampMs;",
  ]),
  mutant("F5", "log time is not in the checkpoint", "machine-state.ts", [
    "writer.varint(this.logTimeMs)",
    "writer.varint(0)",
  ]),
  mutant("F5", "a new term renews nothing", "state-machine.ts", ["    this.#state.renewAll();\n", ""]),
  mutant("F5", "a new term renews no session", "machine-state.ts", [
    "    this.sessions.renewAll(this.logTimeMs);\n",
    "",
  ]),
  mutant("F5", "a restart renews leases and sessions", "state-machine.ts", [
    "    this.#term = store.applied.term;",
    "    this.#term = 0;",
  ]),
  mutant("F5", "leases expire with any entry", "state-machine.ts", [
    "    if (reader.session === 0) return this.#evaluate",
    "    for (const id of state.leases.due(state.logTimeMs, 9)) state.leases.remove(id);\n    if (reader.session === 0) return this.#evaluate",
  ]),
  mutant("F5", "what the first entry of a term renews ends with it", "evaluate.ts", [
    ".filter((id) => state.leases.isDue(id, state.logTimeMs))",
    "",
  ]),
  mutant("F5", "a keep-alive keeps nothing alive", "leases.ts", [
    "    lease.dueMs = Math.max(lease.dueMs, logTimeMs + lease.ttlMs);\n    return",
    "    return",
  ]),
  mutant("F5", "a lease with more keys than go in one entry never ends", "loading.ts", [
    "if (keys > leaseExpiryKeysMax && this.leases.size > 1) {",
    "if (keys > leaseExpiryKeysMax) {",
  ]),
  mutant("F5", "one entry ends leases with however many keys", "loading.ts", [
    "if (keys > leaseExpiryKeysMax && this.leases.size > 1) {",
    "if (keys < 0) {",
  ]),
  mutant("F5", "the keys of a lease outlive it", "evaluate.ts", [
    "if (batch.delete(key)) deleted += 1;",
    "if (batch.get(key) !== null) deleted += 1;",
  ]),
  mutant("F5", "the leader's log time goes back", "log-clock.ts", [
    "Math.max(this.#lastMs, base.logTimeMs + elapsedMs)",
    "base.logTimeMs + elapsedMs",
  ]),
  mutant("F5", "log time that is not in the log outlives a leadership", "log-clock.ts", [
    "    this.#lastMs = 0;\n",
    "",
  ]),
  mutant("F5", "the leader's log time runs on while it does not lead", "log-clock.ts", [
    "    this.#base = null;\n",
    "",
  ]),
  mutant("S5", "a transaction that is refused leaves its writes", "txn.ts", [
    "  if (refusal !== null) return refusal;\n  plan.view.commit();",
    "  plan.view.commit();\n  if (plan.refusal !== null) return plan.refusal;",
  ]),
  mutant("–", "a transaction does not see its own writes", "txn-view.ts", [
    "written === undefined ? this.#batch.get(key) : this.#afterWrites(written)",
    "written === undefined || written.puts > 0 ? this.#batch.get(key) : this.#afterWrites(written)",
  ]),
  mutant("–", "a compare over a range holds when it does for one key", "loading.ts", [
    "if (!compareHolds(compare, entry)) return false;",
    "if (compareHolds(compare, entry)) return true;",
  ]),
  mutant("–", "a change of the catalog overwrites one that came before it", "catalog-change.ts", [
    "if (change.expectedVersion !== version)",
    "if (change.expectedVersion > version)",
  ]),
  mutant("–", "the route of a key is not looked at", "machine-state.ts", [
    "    this.#catalog = catalog;\n    this.#ownsAllKeys = ownsAllKeys(catalog, this.#groupId);\n",
    "    this.#catalog = catalog;\n",
  ]),
];
