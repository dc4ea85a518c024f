import { expect } from "chai";
import { countExactly } from "./exactly-once/counter.js";
import type { CounterOptions, CounterVerdict } from "./exactly-once/counter.js";
import { keepSession } from "./exactly-once/kept-session.js";

const silent = (): void => undefined;

/** `npm run check:exactly-once` goes on for longer. */
const INCREMENTS = 300;
const KILLS = 2;
/** Of what is broken on purpose fewer are enough: two of five answers are lost. */
const BROKEN_INCREMENTS = 60;

describe("a session's writes are carried out once, however often they are sent (F3)", function () {
  this.timeout(300_000);

  function count(seed: number, control: CounterOptions["control"]): Promise<CounterVerdict> {
    const kills = control === null ? KILLS : 0;
    return countExactly({
      increments: control === null ? INCREMENTS : BROKEN_INCREMENTS,
      clients: 16,
      kills,
      lossRate: 0.4,
      seed,
      control,
      log: silent,
    });
  }

  it("a counter stands where it should, answers lost at random and leaders killed", async () => {
    const seed = 1 + Math.floor(Math.random() * 999_999);
    const replay = `npm run check:exactly-once -- --increments ${INCREMENTS} --kills ${KILLS} --seed ${seed}`;
    const { answersLost, counted, wrong } = await count(seed, null);
    expect(wrong, replay).to.deep.equal([]);
    expect(counted, replay).to.equal(INCREMENTS);
    expect(answersLost, replay).to.be.at.least(INCREMENTS / 6);
  });

  it("the counter notices when a write that comes again is carried out again", async () => {
    const { counted, wrong } = await count(1, "no-dedup");
    expect(wrong).to.not.deep.equal([]);
    expect(counted).to.be.above(BROKEN_INCREMENTS);
  });

  it("the first answer is given again behind a snapshot, behind a restart, and behind both", async () => {
    const { installed, wrong } = await keepSession({ control: null, log: silent });
    expect(wrong).to.deep.equal([]);
    expect(installed).to.equal(2);
  });

  it("that is noticed when a snapshot comes without the answers", async () => {
    const { wrong } = await keepSession({ control: "no-results", log: silent });
    expect(wrong).to.not.deep.equal([]);
  });
});
