// mocha's spec report, and the totals in the file that RAFTKV_TEST_TOTALS names (scripts/ci.mjs reads it).
import { writeFileSync } from "node:fs";
import Mocha from "mocha";

export default class SpecWithTotals extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const path = process.env.RAFTKV_TEST_TOTALS;
    if (path === undefined) return;
    runner.once("end", () => {
      const { passes, failures, pending } = runner.stats;
      writeFileSync(path, JSON.stringify({ passes, failures, pending }));
    });
  }
}
