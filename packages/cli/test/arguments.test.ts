import { expect } from "chai";
import { bytesOf, recoverBytes, shieldPositionals, unescapeText } from "../dist/arguments.js";

describe("arguments as bytes", () => {
  it("are what was typed, for every byte", () => {
    const all = Buffer.from(Array.from({ length: 255 }, (_, index) => index + 1));
    const [recovered = ""] = recoverBytes([all.toString("utf8")], () => [all]);
    expect(bytesOf(recovered).equals(all)).to.equal(true);
  });

  const texts = ["", "a", "-", "--", "ä", "日本", "😀", "a\u{1f600}b", "\ufffd", "a\u0000b", "-5"];
  for (const text of texts) {
    it(`keep ${JSON.stringify(text)} as its UTF-8`, () => {
      const [recovered = ""] = recoverBytes([text], () => [Buffer.from(text)]);
      expect(bytesOf(recovered).toString("hex")).to.equal(Buffer.from(text).toString("hex"));
      expect(unescapeText(recovered)).to.equal(text);
    });
  }

  it("that are cut in the middle of a character keep the whole ones around it", () => {
    const bytes = Buffer.concat([
      Buffer.from("ä"),
      Buffer.from([0xe2, 0x82]),
      Buffer.from("😀"),
      Buffer.from([0xff]),
    ]);
    const [recovered = ""] = recoverBytes([bytes.toString("utf8")], () => [bytes]);
    expect(bytesOf(recovered).equals(bytes)).to.equal(true);
  });

  it("of another process are not taken for ours", () => {
    expect(recoverBytes(["a\ufffd"], () => [Buffer.from([0x62, 0xff])])).to.deep.equal(["a\ufffd"]);
    expect(recoverBytes(["a\ufffd"], () => null)).to.deep.equal(["a\ufffd"]);
  });
});

describe("arguments and the option parser", () => {
  const roundTrip = (args: readonly string[]): string[] => shieldPositionals(args).map(unescapeText);

  it("leave options and commands as they are", () => {
    const args = ["kv", "put", "k", "v", "--json", "--timeout=5s", "-h"];
    expect(shieldPositionals(args)).to.deep.equal(args);
  });

  for (const hazard of ["-", "-5", "-0.5", "-.5", "-1e3", "true", "false", "help", "version"]) {
    it(`hide ${hazard} behind an escape that gives it back`, () => {
      const shielded = shieldPositionals(["kv", "put", "k", hazard]);
      expect(shielded[3]).not.to.equal(hazard);
      expect(shielded[3]).not.to.match(/^-/);
      expect(roundTrip(["kv", "put", "k", hazard])).to.deep.equal(["kv", "put", "k", hazard]);
    });
  }

  it("hide everything behind --, and drop the first one only", () => {
    const shielded = shieldPositionals(["kv", "put", "--", "--json", "--"]);
    expect(shielded).to.have.length(4);
    expect(shielded.slice(2).some((arg) => arg.startsWith("-"))).to.equal(false);
    expect(shielded.map(unescapeText)).to.deep.equal(["kv", "put", "--json", "--"]);
  });
});
