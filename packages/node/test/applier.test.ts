import { expect } from "chai";
import { encodeFrame, groupId, logIndex, term } from "raft-ts";
import { Applier } from "../dist/group/applier.js";
import type { ApplierOptions } from "../dist/group/applier.js";
import { until } from "./support/nodes.js";

describe("the applier", () => {
  it("tells the answers of a batch that was cut short before there are more of them (C7)", async () => {
    const header = { group: groupId(1), term: term(1), kind: "command" } as const;
    const frames = [1, 2, 3, 4, 5].map((index) =>
      encodeFrame({ ...header, index: logIndex(index) }, Buffer.alloc(32)),
    );
    const told: string[] = [];
    const machine = {
      apply: async (entries: readonly { readonly index: number }[], answerBytesMax: number) => {
        told.push(`apply ${entries.map(({ index }) => index).join()}`);
        expect(answerBytesMax).to.be.below(64 * 1024 * 1024);
        return entries.slice(0, 2).map(() => null);
      },
    };
    const log = {
      cached: (_group: number, from: number, to: number) => frames.slice(from - 1, to - 1),
    };
    const applier = new Applier({
      group: groupId(1),
      log,
      machine: () => machine,
      appliedIndex: logIndex(0),
      onResult: (index: number) => told.push(`told ${index}`),
      onApplied: (index: number, entries: number, bytes: number) =>
        told.push(`applied ${index}: ${entries}, ${bytes} bytes`),
      onTook: () => undefined,
      onFailed: (error: unknown) => told.push(String(error)),
    } as unknown as ApplierOptions);
    applier.add({ from: logIndex(1), to: logIndex(6) });
    await until("all is applied", () => (applier.appliedIndex === 5 ? true : null));
    await applier.stop();
    expect(told).to.deep.equal([
      "apply 1,2,3,4,5",
      "told 1",
      "told 2",
      "applied 2: 2, 128 bytes",
      "apply 3,4,5",
      "told 3",
      "told 4",
      "applied 4: 2, 128 bytes",
      "apply 5",
      "told 5",
      "applied 5: 1, 64 bytes",
    ]);
  });
});
