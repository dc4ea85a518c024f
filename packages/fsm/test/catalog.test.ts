import { expect } from "chai";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  CatalogFormatError,
  FIRST_CATALOG,
  StateMachine,
  bootstrapCatalog,
  decodeCatalog,
  encodeCatalog,
  readCatalog,
} from "@raftkv/fsm";
import type { Catalog } from "@raftkv/fsm";
import { InvariantViolation, Store } from "@raftkv/store";
import { bytes, entries, makeDirectory, put, removeDirectories } from "./support/machine.js";

describe("The catalog", () => {
  afterEach(removeDirectories);

  it("is, at first, one route from the first key to the last, to group 1, at the revision kept for it", async () => {
    const store = await Store.open(await makeDirectory());
    expect(readCatalog(store)).to.equal(null);
    await bootstrapCatalog(store);
    expect(readCatalog(store)).to.deep.equal({
      version: 1,
      nextRouteId: 2,
      routes: [{ routeId: 1, start: new Uint8Array(), end: null, groupId: 1, version: 1 }],
    });
    expect(store.revision).to.equal(1);
    await store.close();
  });

  it("S6: is durable when its bootstrap resolves, and the same bytes on every node", async () => {
    const files: Buffer[] = [];
    for (const mode of ["sync", "nosync", "nosync"] as const) {
      const directory = await makeDirectory();
      const store = await Store.open(directory, { mode });
      await bootstrapCatalog(store);
      files.push(await readFile(join(directory, "checkpoint")));
      await store.close();
      const again = await Store.open(directory, { mode });
      expect(again.state("catalog")).to.deep.equal(encodeCatalog(FIRST_CATALOG));
      await again.close();
    }
    expect(files[1]).to.deep.equal(files[0]);
    expect(files[2]).to.deep.equal(files[0]);
    expect(files[0]?.toString()).to.include(
      '{"version":1,"nextRouteId":2,"routes":[{"routeId":1,"start":"","end":null,"groupId":1,"version":1}]}',
    );
  });

  it("is written only when none is there", async () => {
    const directory = await makeDirectory();
    const store = await Store.open(directory);
    await bootstrapCatalog(store);
    await bootstrapCatalog(store);
    expect(store.revision).to.equal(1);
    await new StateMachine(store).apply(entries(1, [put("k", "v")]));
    await bootstrapCatalog(store);
    expect([store.revision, store.get(bytes("k"))?.modRevision]).to.deep.equal([2, 2]);
    await store.close();
  });

  it("is not put into a store that has contents and none: its revision is taken", async () => {
    const store = await Store.open(await makeDirectory());
    await store.applyMutations([{ kind: "put", key: bytes("k"), value: bytes("v") }]);
    expect(await bootstrapCatalog(store).catch((error: unknown) => error)).to.be.instanceOf(
      InvariantViolation,
    );
    await store.close();
  });

  it("is read as it was written, with keys of any bytes", () => {
    const catalog: Catalog = {
      version: 7,
      nextRouteId: 4,
      routes: [
        { routeId: 1, start: new Uint8Array(), end: Uint8Array.of(0, 0x80, 0xff), groupId: 1, version: 3 },
        { routeId: 3, start: Uint8Array.of(0, 0x80, 0xff), end: null, groupId: 2, version: 1 },
      ],
    };
    expect(decodeCatalog(encodeCatalog(catalog))).to.deep.equal(catalog);
  });

  it("that is none is refused, saying what is wrong", () => {
    const whole = Buffer.from(encodeCatalog(FIRST_CATALOG)).toString("latin1");
    const cases: [string, RegExp][] = [
      ["", /no JSON/],
      ["null", /null where fields are expected/],
      ["{}", /no list of routes/],
      [whole.replace('"version":1', '"version":0'), /version in the catalog is 0/],
      [whole.replace('"nextRouteId":2', '"nextRouteId":"2"'), /nextRouteId in the catalog is "2"/],
      [whole.replace('"start":""', '"start":"abc"'), /"abc", expected hex digits/],
      [whole.replace('"end":null,', ""), /undefined, expected hex digits/],
    ];
    for (const [text, message] of cases) {
      expect(() => decodeCatalog(bytes(text)), text)
        .to.throw(CatalogFormatError, message)
        .with.property("code", "BAD_CATALOG");
    }
  });
});
