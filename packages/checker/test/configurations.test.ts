import { assert } from "chai";
import { Configurations } from "../dist/configurations.js";

const counts = (...values: number[]): Uint32Array => Uint32Array.from(values);

describe("the configurations that a search has been in", () => {
  it("tell apart every two sets of placed operations, also far behind the first one", () => {
    const configurations = new Configurations(100);
    assert.isTrue(configurations.enter(0, -1, 0, counts()));
    for (const operation of [1, 31, 32, 63, 64, 99]) {
      configurations.place(operation);
      assert.isTrue(configurations.enter(0, operation, 0, counts()), `operation ${operation} alone`);
      assert.isFalse(configurations.enter(0, operation, 0, counts()), `operation ${operation} again`);
      configurations.displace(operation);
    }
    assert.isFalse(configurations.enter(0, -1, 0, counts()));
    for (const operation of [1, 31, 32, 63, 64, 99]) {
      configurations.place(operation);
      const isNew = configurations.enter(0, operation, 0, counts());
      assert.equal(isNew, operation !== 1, `operation ${operation} and those before it`);
    }
    assert.equal(configurations.size, 12);
  });

  it("tell apart states, and what the first operation is that is not placed", () => {
    const configurations = new Configurations(100_000);
    assert.isTrue(configurations.enter(1, 0, 7, counts()));
    assert.isTrue(configurations.enter(1, 0, 8, counts()));
    assert.isTrue(configurations.enter(1, 0, 8 + 65_536, counts()));
    assert.isTrue(configurations.enter(1 + 65_536, 0, 8, counts()));
  });

  it("are ruled out by one that used up no more open operations of any class", () => {
    const configurations = new Configurations(10);
    assert.isTrue(configurations.enter(0, -1, 0, counts(2, 1)));
    assert.isFalse(configurations.enter(0, -1, 0, counts(2, 2)));
    assert.isTrue(configurations.enter(0, -1, 0, counts(1, 3)), "fewer of one class, more of another");
    assert.isTrue(configurations.enter(0, -1, 0, counts(1, 0)));
    assert.isFalse(configurations.enter(0, -1, 0, counts(2, 1)));
    assert.equal(configurations.size, 1, "one that rules out others takes their place");
  });
});
