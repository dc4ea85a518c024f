import { assert } from "chai";
import { checkLinearizability, describeViolation, registerModel } from "@raftkv/checker";
import { read, write } from "./support/operations.js";

describe("what is told of a violation", () => {
  it("is a drawing of the window, the longest order and what does not fit", () => {
    const history = [write(1, 1, 2), write(2, 3, 5), write(3, 4, "?"), read(1, 6, 7)];
    const result = checkLinearizability(history, registerModel);
    if (result.verdict !== "not linearizable") throw new Error(`verdict is ${result.verdict}`);
    assert.deepEqual(describeViolation(result.violation).split("\n"), [
      'not linearizable: key "k", since process 6: read -> 1 (call 6, return 7)',
      "these cannot all have been answered as they were, whatever the key held before and wherever the one other operation is placed:",
      "  |------------|                             process 3: write 2 (call 3, return 5)",
      "                            |------------|   process 6: read -> 1 (call 6, return 7)",
      "longest order found: write 1, write 2",
      "  it ends in the state 2, where none of these can come next:",
      "    process 6: read -> 1 (call 6, return 7)",
    ]);
  });
});
