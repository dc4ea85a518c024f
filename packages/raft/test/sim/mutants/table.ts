import { ELECTION_MUTANTS } from "./elections.js";
import { LOG_MUTANTS } from "./log.js";
import { MEMBER_MUTANTS } from "./members.js";
import type { Mutant } from "./mutant.js";
import { READ_MUTANTS } from "./reads.js";
import { REPLICATION_MUTANTS } from "./replication.js";

/** Those of the core, in the order of the rules. */
export const CORE_MUTANTS: readonly Mutant[] = [
  ...ELECTION_MUTANTS,
  ...REPLICATION_MUTANTS,
  ...READ_MUTANTS,
  ...MEMBER_MUTANTS,
];

export const MUTANTS: readonly Mutant[] = [...CORE_MUTANTS, ...LOG_MUTANTS];
