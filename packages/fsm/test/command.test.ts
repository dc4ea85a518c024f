import { expect } from "chai";
import { CommandFormatError, decodeCommand, encodeCommandInto, encodedCommandSize } from "@raftkv/fsm";
import type { Command } from "@raftkv/fsm";

const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, "latin1"));

function encode(command: Command): Uint8Array {
  const target = new Uint8Array(encodedCommandSize(command));
  encodeCommandInto(command, target, 0);
  return target;
}

describe("A command's bytes", () => {
  it("are read as they were written, empty keys and values included", () => {
    const keys = ["", "k", "a\x00", "\xff".repeat(300), "k".repeat(70_000)];
    for (const key of keys.map(text)) {
      for (const value of ["", "v", "\x00\xff"].map(text)) {
        expect(decodeCommand(encode({ kind: "put", key, value }))).to.deep.equal({ kind: "put", key, value });
      }
      expect(decodeCommand(encode({ kind: "delete", key }))).to.deep.equal({ kind: "delete", key });
    }
  });

  it("are those that docs/storage-format.md shows", () => {
    const put = encode({ kind: "put", key: text("key"), value: text("val") });
    expect(Buffer.from(put).toString("hex")).to.equal("0101030000006b657976616c");
    expect(Buffer.from(encode({ kind: "delete", key: text("key") })).toString("hex")).to.equal(
      "0102030000006b6579",
    );
  });

  it("go into the middle of a larger buffer and touch nothing around it", () => {
    const command: Command = { kind: "put", key: text("key"), value: text("value") };
    const target = new Uint8Array(40).fill(0xee);
    encodeCommandInto(command, target, 10);
    const end = 10 + encodedCommandSize(command);
    expect(decodeCommand(target.subarray(10, end))).to.deep.equal(command);
    expect([...target.subarray(0, 10), ...target.subarray(end)].every((byte) => byte === 0xee)).to.equal(
      true,
    );
  });

  it("are views of what was read, not copies", () => {
    const bytes = encode({ kind: "put", key: text("key"), value: text("value") });
    const command = decodeCommand(bytes);
    expect(command.key.buffer).to.equal(bytes.buffer);
  });

  it("that are none are refused, saying what is wrong", () => {
    const cases: [number[], RegExp][] = [
      [[], /at least 6 bytes, found 0/],
      [[1, 1, 0, 0, 0], /at least 6 bytes, found 5/],
      [[2, 1, 0, 0, 0, 0], /format 2, this version reads 1/],
      [[1, 3, 0, 0, 0, 0], /kind 3 is none of 1, 2/],
      [[1, 1, 4, 0, 0, 0, 1, 2, 3], /a key of 4 bytes in a command of 9/],
      [[1, 1, 0, 0, 0, 0xff], /a key of 4278190080 bytes/],
      [[1, 2, 1, 0, 0, 0, 1, 2], /1 bytes behind the key of a delete/],
    ];
    for (const [bytes, message] of cases) {
      expect(() => decodeCommand(Uint8Array.from(bytes)))
        .to.throw(CommandFormatError, message)
        .with.property("code", "BAD_COMMAND");
    }
  });
});
