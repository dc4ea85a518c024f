import { assert } from "chai";
import { RunLimit, within } from "./limit.js";

const reason = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "it came",
    (error: unknown) => (error as Error).message,
  );

describe("the time that a run may take", () => {
  it("ends every wait, the later ones at once, and says what each was for, as it is known then", async () => {
    const limit = new RunLimit(30);
    let step = "n4 is added";
    const first = reason(limit.wait(() => `the members: ${step}`, new Promise(() => undefined)));
    step = "n4 gets its vote";
    assert.equal(await first, "given up: waited for the members: n4 gets its vote");
    const second = reason(limit.wait(() => "the clients", new Promise(() => undefined)));
    assert.equal(await second, "given up: waited for the clients");
  });

  it("changes nothing of what comes, or fails, in time; nor does what fails later bother anybody", async () => {
    const limit = new RunLimit(600_000);
    assert.equal(await limit.wait(() => "a number", Promise.resolve(7)), 7);
    assert.equal(
      await reason(limit.wait(() => "a failure", Promise.reject(new Error("its own")))),
      "its own",
    );
    let fail: (error: Error) => void = () => undefined;
    const late = new Promise<never>((_, reject) => (fail = reject));
    assert.equal(await reason(within(1, () => "it", late)), "given up: waited for it");
    fail(new Error("too late"));
  });
});
