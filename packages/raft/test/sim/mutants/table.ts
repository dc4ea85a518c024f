import { ELECTION_MUTANTS } from "./elections.js";
import { MEMBER_MUTANTS } from "./members.js";
import type { Mutant } from "./mutant.js";
import { READ_MUTANTS } from "./reads.js";
import { REPLICATION_MUTANTS } from "./replication.js";

/** Every mutant, in the order of the rules. */
export const MUTANTS: readonly Mutant[] = [
  ...ELECTION_MUTANTS,
  ...REPLICATION_MUTANTS,
  ...READ_MUTANTS,
  ...MEMBER_MUTANTS,
];
