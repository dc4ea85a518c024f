/** A value in Clojure's notation, as far as histories use it. Vectors, lists and sets are arrays. */
export type EdnValue = null | boolean | number | string | EdnName | readonly EdnValue[] | EdnMap;

/** A keyword (`:ok`) or a symbol (`ok`). */
export class EdnName {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A map; its keys by their text, keywords with the colon. */
export class EdnMap {
  readonly entries: ReadonlyMap<string, EdnValue>;

  constructor(entries: ReadonlyMap<string, EdnValue>) {
    this.entries = entries;
  }
}

/** A text that is no value; the message says what was expected, and at which column. */
export class EdnError extends Error {
  override readonly name = "EdnError";
  readonly code = "BAD_EDN";
}

/** Reads one value that fills the whole text. Commas are blanks, `;` begins a comment. @throws {EdnError} */
export function parseEdn(text: string): EdnValue {
  const reader = new Reader(text);
  const value = reader.value();
  reader.end();
  return value;
}

/** Reads all values of a text, one behind the other. @throws {EdnError} */
export function parseEdnSequence(text: string): EdnValue[] {
  const reader = new Reader(text);
  const values: EdnValue[] = [];
  while (!reader.isAtEnd()) values.push(reader.value());
  return values;
}

const BLANKS = /(?:[\s,]|;[^\n]*)*/y;
const TOKEN = /[^\s,;()[\]{}"]+/y;
const INTEGER = /^[+-]?\d+N?$/;
const DECIMAL = /^[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?M?$/;
const CLOSING: Readonly<Record<string, string>> = { "[": "]", "(": ")", "{": "}" };
const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  b: "\b",
  f: "\f",
  '"': '"',
  "\\": "\\",
  "/": "/",
};
const CHARACTERS: Readonly<Record<string, string>> = {
  newline: "\n",
  space: " ",
  tab: "\t",
  return: "\r",
};

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    this.#match(BLANKS);
    return this.#at >= this.#text.length;
  }

  end(): void {
    if (!this.isAtEnd()) throw this.#error("the end of the line is expected");
  }

  value(): EdnValue {
    if (this.isAtEnd()) throw this.#error("a value is expected");
    const first = this.#text[this.#at] as string;
    if (first === '"') return this.#string();
    if (first === "{") return this.#map();
    if (first === "[" || first === "(") return this.#sequence();
    if (first === "#") return this.#tagged();
    return this.#atom();
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found = ""] = pattern.exec(this.#text) ?? [];
    this.#at += found.length;
    return found;
  }

  #error(what: string): EdnError {
    const found = this.#text.slice(this.#at, this.#at + 12);
    return new EdnError(
      `column ${this.#at + 1}: ${what}, not ${found === "" ? "the end" : JSON.stringify(found)}`,
    );
  }

  #sequence(): EdnValue[] {
    const closing = CLOSING[this.#text[this.#at] as string] as string;
    this.#at += 1;
    const values: EdnValue[] = [];
    for (;;) {
      if (this.isAtEnd()) throw this.#error(`"${closing}" is expected`);
      if (this.#text[this.#at] === closing) break;
      values.push(this.value());
    }
    this.#at += 1;
    return values;
  }

  #map(): EdnMap {
    const start = this.#at;
    const values = this.#sequence();
    if (values.length % 2 !== 0) {
      this.#at = start;
      throw this.#error("a map needs a value for each key");
    }
    const entries = new Map<string, EdnValue>();
    for (let at = 0; at < values.length; at += 2)
      entries.set(textOf(values[at] as EdnValue), values[at + 1] as EdnValue);
    return new EdnMap(entries);
  }

  /** `#{…}` is a set, `#_` leaves the next value out, `#tag value` is the value. */
  #tagged(): EdnValue {
    this.#at += 1;
    if (this.#text[this.#at] === "{") return this.#sequence();
    if (this.#text[this.#at] === "_") {
      this.#at += 1;
      this.value();
      return this.value();
    }
    if (this.#match(TOKEN) === "") throw this.#error("a tag is expected");
    return this.value();
  }

  #string(): string {
    let value = "";
    for (this.#at += 1; this.#at < this.#text.length; this.#at += 1) {
      const character = this.#text[this.#at] as string;
      if (character === '"') {
        this.#at += 1;
        return value;
      }
      value += character === "\\" ? this.#escape() : character;
    }
    throw this.#error('the " that ends a string is expected');
  }

  /** Stays at the last character of the escape. */
  #escape(): string {
    this.#at += 1;
    const character = this.#text[this.#at] ?? "";
    if (character === "u") {
      const digits = this.#text.slice(this.#at + 1, this.#at + 5);
      if (!/^[\da-fA-F]{4}$/.test(digits)) throw this.#error("four digits behind \\u are expected");
      this.#at += 4;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const plain = ESCAPES[character];
    if (plain === undefined)
      throw this.#error('an escape (\\n \\t \\r \\b \\f \\" \\\\ \\u0000) is expected');
    return plain;
  }

  #atom(): EdnValue {
    const start = this.#at;
    const token = this.#match(TOKEN);
    if (token === "nil") return null;
    if (token === "true" || token === "false") return token === "true";
    // What does not fit a number stays a text: it only has to differ from others.
    if (INTEGER.test(token)) {
      const value = Number(token.replace(/N$/, ""));
      return Number.isSafeInteger(value) ? value : token;
    }
    if (DECIMAL.test(token)) return Number(token.replace(/M$/, ""));
    if (token.startsWith("\\")) return CHARACTERS[token.slice(1)] ?? token.slice(1);
    if (token !== "" && !/^[+-]?\d/.test(token)) return new EdnName(token);
    this.#at = start;
    throw this.#error("a value is expected");
  }
}

/** What stands for a value in messages, and for a key of a map. */
export function textOf(value: EdnValue): string {
  if (value === null) return "nil";
  if (typeof value === "string") return value;
  if (value instanceof EdnName) return value.text;
  if (value instanceof EdnMap) {
    const entries = [...value.entries].map(([key, held]) => `${key} ${showEdn(held)}`);
    return `{${entries.join(", ")}}`;
  }
  if (typeof value === "object") return `[${value.map((held) => showEdn(held)).join(" ")}]`;
  return String(value);
}

/** The same, with quotes around strings. */
export function showEdn(value: EdnValue): string {
  return typeof value === "string" ? JSON.stringify(value) : textOf(value);
}
