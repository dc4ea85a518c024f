import { assert } from "chai";
import { EdnError, EdnMap, EdnName, parseEdn, parseEdnSequence, showEdn } from "./edn.js";
import type { EdnValue } from "./edn.js";

describe("Clojure's notation", () => {
  const values: Record<string, [text: string, value: EdnValue]> = {
    nil: ["nil", null],
    "true and false": ["[true false]", [true, false]],
    "a negative number": ["-3", -3],
    "a number with a sign, a big one, a decimal": ["[+3 12N 1.5 2e3 1.0M]", [3, 12, 1.5, 2000, 1]],
    "a number that is too large to be exact": ["12345678901234567890", "12345678901234567890"],
    "a string with escapes": [String.raw`"a\"b\\c\n\t\u00e9"`, 'a"b\\c\n\té'],
    "a keyword": [":timed-out", new EdnName(":timed-out")],
    "vectors, lists and sets": ["[1 (2 3) #{4}]", [1, [2, 3], [4]]],
    "commas and comments": ["[1, 2 ; three\n 4]", [1, 2, 4]],
    "a value that is left out": ["[1 #_ 2 3]", [1, 3]],
    "a tagged value": ['#inst "2020"', "2020"],
    "a character": [String.raw`[\a \newline]`, ["a", "\n"]],
    "a map": [
      '{:a 1, "b" [2]}',
      new EdnMap(
        new Map<string, EdnValue>([
          [":a", 1],
          ["b", [2]],
        ]),
      ),
    ],
  };
  for (const [name, [text, value]] of Object.entries(values))
    it(`reads: ${name}`, () => assert.deepEqual(parseEdn(text), value));

  const refused: Record<string, [text: string, message: string]> = {
    "a string without its end": ['"abc', 'column 5: the " that ends a string is expected, not the end'],
    "a vector without its end": ["[1 2", 'column 5: "]" is expected, not the end'],
    "a map with a key too many": ["{:a 1 :b}", "column 1: a map needs a value for each key"],
    "two values": ["1 2", 'column 3: the end of the line is expected, not "2"'],
    "an unknown escape": [String.raw`"a\qb"`, "column 4: an escape"],
    "a number that is none": ["12ab", 'column 1: a value is expected, not "12ab"'],
    nothing: ["  ", "a value is expected, not the end"],
  };
  for (const [name, [text, message]] of Object.entries(refused))
    it(`refuses: ${name}`, () => assert.throws(() => parseEdn(text), EdnError, message));

  it("reads values one behind the other, and shows them again", () => {
    assert.deepEqual(parseEdnSequence('[1 2] :x "y"').map(showEdn), ["[1 2]", ":x", '"y"']);
    assert.equal(showEdn(parseEdn('{:a [1 nil], :b "c"}')), '{:a [1 nil], :b "c"}');
  });
});
