import { mutant } from "./mutant.js";
import type { Mutant } from "./mutant.js";
import { MUTANTS_OF_TABLES } from "./tables.js";

/** At least one for each rule S that is the store's own; S10 has the snapshots' tests. */
export const MUTANTS: readonly Mutant[] = [
  ...MUTANTS_OF_TABLES,
  mutant("S1", "a version does not carry its key's base at the checkpoint in the D file", "version.ts", [
    "if (previous === null || previous.modRevision <= marks.recorded) return NONE;",
    "if (previous === null || previous.modRevision <= Number.MAX_SAFE_INTEGER) return NONE;",
  ]),
  mutant("S1", "a version carries no base at the checkpoint that is being made", "version.ts", [
    "if (pending === null || previous.modRevision <= pending) return",
    "if (pending === null || pending >= 0) return",
  ]),
  mutant("S1", "a latest version is written although its change is not durable", "settle.ts", [
    "  await makeDurable(source);\n  if",
    "  await source.queue.drained();\n  if",
  ]),
  mutant("S1", "what is put while latest versions are written counts as written", "unsettled.ts", [
    "previous.modRevision <= this.#upperFrom ? null :",
    "previous.modRevision < 0 ? null :",
  ]),
  mutant("S2", "the latest versions of a checkpoint are not flushed", "settle.ts", [
    "    await source.database.flushLatest();\n",
    "",
  ]),
  mutant("S3", "a latest version that is in memory only is forgotten", "latest-versions.ts", [
    "    return index.lostRevision > unsettled.settledRevision ? unsettled.find(name) : null;\n",
    "    return null;\n",
  ]),
  mutant("S3", "an unsettled version gets a second slot", "latest-versions.ts", [
    "unsettled.at(name, index.modRevision, index.slot) ?? index.version(name, this.#slabs)",
    "index.version(name, this.#slabs)",
  ]),
  mutant("S3", "nobody is told of a header that was written over", "header-cache.ts", [
    "    if (this.#head >= 2 * ringBytes) this.#lost(newest);\n",
    "",
  ]),
  mutant("S3", "nobody is told of a header that the ring came up to", "header-cache.ts", [
    "    if (this.#head >= 2 * ringBytes) this.#lost(newest);\n",
    "    if (this.#head > 2 * ringBytes) this.#lost(newest);\n",
  ]),
  mutant("S3", "nobody is told of a header whose place was taken", "header-cache.ts", [
    "      this.#lost(newest);\n    }\n    this.#hashes",
    "    }\n    this.#hashes",
  ]),
  mutant("S3", "nobody is told of a header that found no room", "header-cache.ts", [
    "      this.#lost(entry.version.modRevision);\n",
    "",
  ]),
  mutant("S3", "runs of unsettled versions are put together out of order", "sorted-slots.ts", [
    "    if (slotA.name < slotB.name) {",
    "    if (slotA.id < slotB.id) {",
  ]),
  mutant("S3", "latest versions that a crash left among the changes stay there", "database.ts", [
    "    await removeLatest(changes);\n",
    "",
  ]),
  mutant("S3", "a header is found where later ones were written over it", "header-cache.ts", [
    "      if (this.#head - start >= length) continue;\n",
    "",
  ]),
  mutant("S3", "a header stays that a later one had no room to take the place of", "header-cache.ts", [
    "      this.#starts[this.#place] = 0;\n",
    "",
  ]),
  mutant("S2", "a checkpoint does not flush LevelDB", "make-durable.ts", [
    "  await queue.drained();\n  await database.flushChanges();\n",
    "  await queue.drained();\n",
  ]),
  mutant("S2", "nothing is written behind the flush, whose errors stay unseen", "make-durable.ts", [
    "  await queue.barrier();\n",
    "",
  ]),
  mutant("S2", "LevelDB's directory is not synced", "make-durable.ts", [
    "  await queue.barrier();\n  await fileSystem.syncDirectory(database.location);\n",
    "  await queue.barrier();\n",
  ]),
  mutant("S2", "the D file's name is not synced", "checkpoint-file.ts", [
    "  await fileSystem.syncDirectory(directory);\n",
    "",
  ]),
  mutant("S2", "the D file is written in place", "checkpoint-file.ts", [
    "[checkpointPath(directory), temporaryPath(directory)]",
    "[checkpointPath(directory), checkpointPath(directory)]",
  ]),
  mutant("S2", "a checkpoint does not wait for the node's own log", "checkpointer.ts", [
    "      await whenDurable(sample.index);\n",
    "      void whenDurable(sample.index).catch(() => undefined);\n",
  ]),
  mutant(
    "S2",
    "a checkpoint is of the moment at which it is written, not at which it was sampled",
    "checkpointer.ts",
    [
      "writeCheckpoint(fileSystem, directory, sample)",
      "writeCheckpoint(fileSystem, directory, { ...sample, ...this.#source.sample() })",
    ],
  ),
  mutant("S3", "an opening does not return to D", "open.ts", [
    "checkpoint === null ? 0 : await",
    "checkpoint === null || generation > 0 ? 0 : await",
  ]),
  mutant(
    "S1",
    "a return takes a change away before its key's latest version is restored for good",
    "return-to-checkpoint.ts",
    ["await latest.write({ sync: true });", "await latest.write({ sync: false });"],
  ),
  mutant(
    "S4",
    "a deletion's change is collected before its latest version is gone for good",
    "collector.ts",
    ["await queue.writeAside(batch, true);", "await queue.writeAside(batch, false);"],
  ),
  mutant("S3", "the return restores a key from the version before, whatever D is", "version.ts", [
    "  if (version.previous <= checkpointRevision) return version.previous;\n  for (",
    "  if (version.previous >= 0) return version.previous;\n  for (",
  ]),
  mutant("S3", "the return leaves the index of leases as it is", "return-to-checkpoint.ts", [
    "    if (change.lease !== 0 && change.lease !== base?.lease) batch.del(attachedKey(change.lease, key));\n",
    "",
  ]),
  mutant("S3", "the return does not bring back what was attached to a lease", "return-to-checkpoint.ts", [
    "      if (base !== null && base.lease !== 0) batch.put(attachedKey(base.lease, key), NOTHING);\n",
    "",
  ]),
  mutant("S3", "a store without a D file goes on with the records it finds", "open.ts", [
    "Math.max(0, ...found) + 1;",
    "Math.max(1, ...found);",
  ]),
  mutant("S3", "a clean close makes no checkpoint", "store.ts", [
    "if (this.#failure === null && whenDurable !== null) await",
    "if (this.#failure !== null && whenDurable !== null) await",
  ]),
  mutant("S4", "collection goes by the floor in memory, which a return takes back", "store.ts", [
    "const recorded = (): Checkpoint | null => this.checkpointed;",
    "const recorded = (): Checkpoint | null => (this.checkpointed === null ? null : { ...this.checkpointed, floor: position.floor });",
  ]),
  mutant("S4", "a step of the collection is not durable before the next", "collector.ts", [
    "    if (!this.#isDurable()) await makeDurable(this.#source);\n",
    "",
  ]),
  mutant("S4", "the cursor in the D file runs ahead of what is collected", "store.ts", [
    "collected: this.#collector.collected,",
    "collected: position.floor,",
  ]),
  mutant("S4", "the newest version at the floor is collected", "collector.ts", [
    "      if (!isDeletion(version)) continue;\n",
    "",
  ]),
  mutant("S4", "a deletion is collected although its key was put meanwhile", "mutation-batch.ts", [
    "    if (leaving.size > 0) leaving.delete(name);\n",
    "",
  ]),
  mutant("S4", "a deletion is collected although a later version is the latest", "collector.ts", [
    "      if (found?.modRevision !== tombstones.get(name)) leaving.delete(name);\n",
    "",
  ]),
  mutant("S4", "deletions are never collected", "collector.ts", [
    "      batch.del(recordKey);\n      tombstones.set(version.key, version.modRevision);\n",
    "",
  ]),
  mutant("S4", "a read looks for a deletion that was collected", "history.ts", [
    "if (older === 0 || (older <= revision && version.version === 1)) return null;",
    "if (older === 0) return null;",
  ]),
  mutant("S4", "a return demands a deletion that was collected", "return-to-checkpoint.ts", [
    "revision <= checkpoint.floor\n    ? findChange",
    "revision < 0\n    ? findChange",
  ]),
  mutant("S5", "batches are written at once instead of one after the other", "write-queue.ts", [
    "    if (this.#writing !== null) return;\n    if (this.#aside",
    "    if (this.#aside",
  ]),
  mutant("S5", "a batch is written with half an entry in it", "write-queue.ts", [
    "    group.bytes += bytes;\n",
    "    group.bytes += bytes;\n    this.#entryOpen = false;\n    this.#writeNext();\n    this.#entryOpen = true;\n",
  ]),
  mutant("S6", "a direct write is not synced", "store.ts", [
    "    await this.#apply(true);\n    await this.checkpoint(ALREADY_DURABLE);\n    return { revision };",
    "    await this.#apply(false);\n    await this.checkpoint(ALREADY_DURABLE);\n    return { revision };",
  ]),
  mutant("S6", "a direct write does not end in a checkpoint", "store.ts", [
    "    await this.#apply(true);\n    await this.checkpoint(ALREADY_DURABLE);\n",
    "    await this.#apply(true);\n",
  ]),
  mutant("S6", "entries are not synced in the mode sync", "store.ts", [
    'await this.#apply(this.#options.mode === "sync");',
    "await this.#apply(false);",
  ]),
  mutant("S6", "entries are synced in the mode nosync", "store.ts", [
    'await this.#apply(this.#options.mode === "sync");',
    "await this.#apply(true);",
  ]),
  mutant("S6", "a direct write is taken although a group is attached", "store.ts", [
    "    if (this.#group !== null) throw new GroupAttachedError();\n",
    "",
  ]),
  mutant("S7", "keys end at their first zero byte", "record-keys.ts", [
    "  const target = Buffer.allocUnsafe(1 + key.length);\n  target[0] = LATEST;\n  target.set(key, 1);\n",
    "  const length = key.indexOf(0) < 0 ? key.length : key.indexOf(0);\n  const target = Buffer.allocUnsafe(1 + length);\n  target[0] = LATEST;\n  target.set(key.subarray(0, length), 1);\n",
  ]),
  mutant("S7", "a prefix of 0xff bytes covers only itself", "key-range.ts", [
    "if (length === 0) return { start: prefix, end: null };",
    "if (length === 0) return { start: prefix, end: Uint8Array.of(...prefix, 0) };",
  ]),
  mutant("S7", "numbers in keys are little-endian", "record-keys.ts", [
    "target.writeUInt32BE(number % TWO_POW_32, 5);",
    "target.writeUInt32LE(number % TWO_POW_32, 5);",
  ]),
  mutant("S8", "a read below the floor is answered", "readable-store.ts", [
    "if (asked < floor) throw new CompactedError(asked, floor);",
    "if (asked < 0) throw new CompactedError(asked, floor);",
  ]),
  mutant("S8", "a read of a future revision is answered", "readable-store.ts", [
    "    if (asked > revision) throw new FutureRevisionError(asked, revision);\n",
    "",
  ]),
  mutant("S8", "the list of changes begins at the floor", "readable-store.ts", [
    "if (fromRevision <= floor) throw",
    "if (fromRevision < floor) throw",
  ]),
  mutant("S8", "collection does not wait for reads of older revisions", "collector.ts", [
    "return Math.min(recorded()?.floor ?? 0, pins.lowest);",
    "return Math.min(recorded()?.floor ?? 0, pins.lowest + Number.MAX_SAFE_INTEGER);",
  ]),
  mutant("S8", "collection does not go on when the read that held it ends", "collector.ts", [
    "    source.pins.onRelease = () => this.wake();\n",
    "",
  ]),
  mutant("S8", "collection does not go on after an opening", "store.ts", [
    "    this.#collector.wake();\n  }\n",
    "  }\n",
  ]),
  mutant("S8", "a scan goes on behind its end with keys that were put in since", "unsettled-scan.ts", [
    "if (last === undefined) this.#hasEnded = true;",
    "if (last === undefined) this.#hasEnded = false;",
  ]),
  mutant("S8", "what is loaded is of the moment at which the scan came to it", "loaded-range.ts", [
    "aliveAt(source, scanned, revision)",
    "aliveAt(source, scanned, Infinity)",
  ]),
  mutant("C5", "what was loaded for an entry is looked up again", "latest-versions.ts", [
    "    this.#held.set(version.key, version);\n",
    "",
  ]),
  mutant("C5", "what was loaded for an entry is believed behind it", "store.ts", [
    "    this.parts.latest.release();\n",
    "",
  ]),
  mutant("S2", "the small state of a checkpoint is of a later moment", "checkpointer.ts", [
    "        return this.#orFail(() => this.sample());",
    "        return this.#orFail(() => new Promise((done) => setImmediate(done)).then(() => this.sample())).then((later) => ({ ...later, ...position }));",
  ]),
  mutant("S9", "a write that fails in the background is forgotten", "write-queue.ts", [
    "(error: unknown) => this.onFailure(error instanceof Error ? error : new Error(String(error))),",
    "() => this.#written(group),",
  ]),
  mutant("S9", "a checkpoint that fails leaves the store in service", "checkpointer.ts", [
    "      this.#source.onFailure(failure);\n",
    "",
  ]),
  mutant("S9", "latest versions that cannot be written leave the store in service", "settler.ts", [
    "      this.#source.onFailure(failure);\n",
    "",
  ]),
  mutant("S9", "a record with unknown flags is read", "record.ts", [
    "flags === undefined || (flags & ~KNOWN_FLAGS) !== 0 || baseCount > BASES_MAX",
    "flags === undefined || baseCount > BASES_MAX + KNOWN_FLAGS",
  ]),
];
