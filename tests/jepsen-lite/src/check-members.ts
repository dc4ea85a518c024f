// `npm run check:members`: a cluster of one grows to three and five members and shrinks to three others, while clients that were told
// of the first one alone go on. Exits 1 when a request failed or took longer than 2 s, or a history is not what was promised; 2 for a
// wrong option.
import { FIRST, GROWTH, growAndShrink } from "./members/grow-and-shrink.js";
import { runShow } from "./members/command.js";

process.exitCode = await runShow({
  name: "check:members",
  usage:
    "usage: npm run check:members -- [--seed S] [--pause 10] [--rest 1500] [--workload register,…] [--snapshots]",
  first: FIRST,
  stallMsMax: 2_000,
  rounds: 1,
  play: async (scene, { restMs }) => growAndShrink(scene, GROWTH, restMs),
});
