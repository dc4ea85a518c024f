import { expect } from "chai";
import { Latencies } from "./latencies.js";

describe("Latencies", () => {
  it("give percentiles within one percent, and are exact up to 255 microseconds", () => {
    const latencies = new Latencies();
    for (let micros = 1; micros <= 100_000; micros += 1) latencies.record(micros);
    for (const percent of [0.1, 50, 90, 99, 99.99, 100]) {
      const exact = percent * 1000;
      expect(latencies.percentile(percent)).to.be.closeTo(exact, exact * 0.01);
    }
    const small = new Latencies();
    for (const micros of [7, 255, 255]) small.record(micros);
    expect([small.percentile(1), small.percentile(100)]).to.deep.equal([7, 255]);
  });

  it("add up from the pairs of several processes as if there were one", () => {
    const whole = new Latencies();
    const parts = [new Latencies(), new Latencies()];
    for (let count = 0; count < 1_000; count += 1) {
      const micros = (count * 7_919) % 1_000_003;
      whole.record(micros);
      parts[count % 2]?.record(micros);
    }
    const sum = new Latencies();
    for (const part of parts) sum.add(part.pairs());
    expect(sum.pairs()).to.deep.equal(whole.pairs());
  });

  it("take what lies beyond the last bucket as the largest, and nothing as 0", () => {
    const latencies = new Latencies();
    expect(latencies.percentile(99)).to.equal(0);
    latencies.record(1e15);
    expect(latencies.percentile(99)).to.be.greaterThan(60_000_000);
  });
});
