import { CONTROLS as DISK_CONTROLS, EARLY_LEASES } from "../../power-loss/patches.js";
import type { Control, Patch } from "../../power-loss/patches.js";
import type { Mode } from "../../power-loss/run.js";
import type { RunVerdict } from "../verdict.js";

/** A way to break the product on purpose, and the run that must notice. */
export interface BrokenBuild {
  readonly name: string;
  /** What is broken. */
  readonly about: string;
  readonly seed: number;
  readonly run: JepsenRun | PowerLossRun;
}

/** `npm run jepsen` over the product with these patches. */
export interface JepsenRun {
  readonly kind: "jepsen";
  readonly patches: readonly Patch[];
  readonly workload: string;
  readonly nemesis: string;
  readonly seconds: number;
  /** What noticed, in a few words; `null`: nothing did. A run that failed for another reason proves nothing. */
  readonly caughtBy: (verdict: RunVerdict) => string | null;
}

/** `npm run power-loss`, which brings its own controls: its load leaves more unsynced between two cuts than jepsen's workloads do. */
export interface PowerLossRun {
  readonly kind: "power-loss";
  readonly control: Control;
  readonly mode: Mode;
  readonly rounds: number;
}

const at = (package_: string, file: string): string => new URL(file, import.meta.resolve(package_)).href;

/** The check of one of these workloads. */
function byCheck(...names: readonly string[]): JepsenRun["caughtBy"] {
  return ({ workloads }) => {
    const bad = workloads.find(({ name, ok }) => ok === false && names.includes(name));
    return bad === undefined ? null : `${bad.name}: ${bad.explanation.split("\n")[0]}`;
  };
}

/** Replicas that differ, or a node that finds its own data impossible, its store's by a rule that it names; else one of the checks. */
function byNodes(...names: readonly string[]): JepsenRun["caughtBy"] {
  return (verdict) =>
    verdict.findings.find((text) =>
      /the replicas differ|ended with (?:70|76)|ended with 74: .*\(S3\)/.test(text),
    ) ?? byCheck(...names)(verdict);
}

export const BROKEN_BUILDS: readonly BrokenBuild[] = [
  {
    name: "ack before fsync",
    about: "the log's fsync does nothing (C8, W1)",
    seed: 11,
    run: {
      kind: "jepsen",
      patches: DISK_CONTROLS["no-fsync"],
      workload: "set,counter,register",
      nemesis: "power-loss",
      seconds: 45,
      caughtBy: byNodes("set", "counter", "register"),
    },
  },
  {
    name: "reads without quorum",
    about: "a leader confirms its reads itself, and leads on without a majority (R18, R7)",
    seed: 12,
    run: {
      kind: "jepsen",
      patches: [
        {
          url: at("raft-ts", "core/read-index.js"),
          original: "if (confirmed < round.number)",
          replacement: "if (false)",
        },
        {
          url: at("raft-ts", "core/tick.js"),
          original: "    checkQuorum(state);",
          replacement: "",
        },
      ],
      workload: "register",
      nemesis: "partition",
      seconds: 90,
      caughtBy: byCheck("register"),
    },
  },
  {
    name: "lease without margin",
    about: "a lease lasts ten election timeouts, instead of ending a margin before one is over (R19)",
    seed: 19,
    run: {
      kind: "jepsen",
      patches: [
        {
          url: at("raft-ts", "core/lease.js"),
          original: "(100 - lease.marginPercent)",
          replacement: "1000",
        },
      ],
      workload: "register",
      nemesis: "stall,leases",
      seconds: 60,
      caughtBy: byCheck("register"),
    },
  },
  {
    name: "no deduplication",
    about: "a retry in a session is carried out again (F3)",
    seed: 13,
    run: {
      kind: "jepsen",
      patches: [
        {
          url: at("@raftkv/fsm", "sessions.js"),
          original: "if (first !== null)",
          replacement: "if (false)",
        },
      ],
      workload: "counter,appender,set",
      nemesis: "flaky,kill",
      seconds: 60,
      caughtBy: byCheck("counter", "appender", "set"),
    },
  },
  {
    name: "applied twice",
    about: "an opening leaves what was written behind the checkpoint, and applies it again (S3)",
    seed: 14,
    run: {
      kind: "jepsen",
      patches: [
        {
          url: at("@raftkv/store", "open.js"),
          original: "await returnToCheckpoint(database, checkpoint, options.inlineValueBytesMax)",
          replacement: "0",
        },
        // Latest versions are written before the checkpoint as well, as with many keys: else they would not be there to be found.
        {
          url: at("@raftkv/store", "options.js"),
          original: "unsettledBytesMax: 16 * MIB",
          replacement: "unsettledBytesMax: 4096",
        },
      ],
      workload: "counter,set,bank",
      nemesis: "kill",
      seconds: 45,
      caughtBy: byNodes("counter", "set", "bank"),
    },
  },
  {
    name: "applied index trusted",
    about: "an applied index inside LevelDB is believed, instead of returning to the checkpoint (S1, S3)",
    // A seed that draws seldom checkpoints and a large memtable.
    seed: 158,
    run: { kind: "power-loss", control: "no-checkpoint", mode: "nosync", rounds: 20 },
  },
  {
    name: "leases end early",
    about: "a lease falls due at half of its time (F5)",
    seed: 16,
    run: {
      kind: "jepsen",
      patches: [EARLY_LEASES],
      workload: "lease",
      nemesis: "none",
      seconds: 40,
      caughtBy: byCheck("lease"),
    },
  },
  {
    name: "watch skips",
    about: "a watch that reconnects goes on with what is new (F6)",
    seed: 17,
    run: {
      kind: "jepsen",
      patches: [
        {
          url: at("@raftkv/client", "watch-feed.js"),
          original: "if (this.nextRevision === 0)",
          replacement:
            "if (this.wasPlaced) this.nextRevision = Math.max(this.nextRevision, revision + 1);\n        this.wasPlaced = true;\n        if (this.nextRevision === 0)",
        },
      ],
      // Nothing but connections that break: it takes many until a change falls between an end and the next beginning.
      workload: "watch",
      nemesis: "flaky",
      seconds: 75,
      caughtBy: byCheck("watch"),
    },
  },
  {
    name: "lock without fencing",
    about: "what the lock protects does not look at the token",
    seed: 18,
    run: {
      kind: "jepsen",
      patches: [
        {
          url: new URL("../workloads/lock.js", import.meta.url).href,
          original: "if (found !== null && Number(found.text()) > token)",
          replacement: "if (false)",
        },
      ],
      workload: "lock",
      nemesis: "pause",
      seconds: 40,
      caughtBy: byCheck("lock"),
    },
  },
];
