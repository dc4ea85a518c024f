import { readFileSync, readdirSync } from "node:fs";
import { ERRORS } from "@raftkv/client";
import { expect } from "chai";

const SRC = new URL("../src/", import.meta.url);

/** Names of the fields and methods that somebody sees, as they stand in the source: `interface XOptions`, `class Client` … */
function namesIn(text: string, head: RegExp, member: RegExp): string[] {
  const names: string[] = [];
  for (const part of text.split(/^(?=export )/m)) {
    if (!head.test(part)) continue;
    const body = part.split(/^}/m)[0] ?? "";
    for (const found of body.matchAll(member)) names.push(found[1] ?? "");
  }
  return names;
}

describe("docs/client.md", () => {
  const text = readFileSync(new URL("../../../docs/client.md", import.meta.url), "utf8");
  const sources = readdirSync(SRC)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(new URL(name, SRC), "utf8"));
  const has = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(text);

  it("tells of every option of every call", () => {
    const options = sources.flatMap((source) =>
      namesIn(source, /^export interface (?:\w+Options|Selection|PutFields)\b/, /^ {2}readonly (\w+)\??:/gm),
    );
    expect(options.length).to.be.at.least(30);
    expect(options.filter((name) => !has(name))).to.deep.equal([]);
  });

  it("tells of every method of what a program gets to hold", () => {
    const methods = sources.flatMap((source) =>
      namesIn(
        source,
        /^export class (?:Client|Members|Appender|Lease|Lock|Watch|Txn|KeyValue|Comparison)\b/,
        /^ {2}(?:async |get |\*|async \*)*(?!constructor)([a-z]\w*)(?:<[^(]*>)?\(/gm,
      ),
    );
    const internal = new Set(["renewed", "notRenewed", "lose", "build"]);
    expect(methods.length).to.be.at.least(35);
    expect(methods.filter((name) => !internal.has(name) && !has(name))).to.deep.equal([]);
  });

  it("tells of every error's code", () => {
    expect(Object.keys(ERRORS).filter((code) => !has(code))).to.deep.equal([]);
  });
});
