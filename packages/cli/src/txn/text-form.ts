import { RELATIONS, TARGETS, badTxn } from "./plan.js";
import type { ComparePlan, Keys, OperationPlan, Relation, TxnPlan } from "./plan.js";

// The text that etcdctl takes: compares, an empty line, what is done if all hold, an empty line, what is done if not.
//
//   version("seat/12") = "0"
//
//   put seat/12 alice
//
//   get seat/12

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", '"': '"', "\\": "\\" };
const WORD = /"(?:[^"\\]|\\.)*"|[^\s"]+/gsu;
const LINE = /^(?:(?:"(?:[^"\\]|\\.)*"|[^\s"]+)(?:\s+|$))*$/su;
const COMPARE = /^(\w+)\(\s*("(?:[^"\\]|\\.)*"|[^\s")]+)\s*\)\s*(!=|=|<|>)\s*("(?:[^"\\]|\\.)*"|[^\s"]+)$/su;

/** A word as bytes. Within quotes: \n, \r, \t, \", \\ and \xHH. */
function bytesOfWord(word: string, where: string): Buffer {
  if (!word.startsWith('"')) return Buffer.from(word);
  const parts: Buffer[] = [];
  for (const [part] of word.slice(1, -1).matchAll(/\\x[0-9A-Fa-f]{2}|\\.|[^\\]+/gsu)) {
    const escape = part.startsWith("\\") ? (part[1] ?? "") : null;
    if (escape === null) parts.push(Buffer.from(part));
    else if (part.length === 4) parts.push(Buffer.from(part.slice(2), "hex"));
    else {
      const text = ESCAPES[escape];
      if (text === undefined)
        throw badTxn(where, `${part} is no escape: there are \\n \\r \\t \\" \\\\ \\xHH`);
      parts.push(Buffer.from(text));
    }
  }
  return Buffer.concat(parts);
}

function numberOfWord(what: string, word: string, where: string): number {
  const text = bytesOfWord(word, where).toString();
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw badTxn(where, `${what} is "${text}", but must be a whole number`);
}

function compareOf(line: string, where: string): ComparePlan {
  const match = COMPARE.exec(line);
  const [, name = "", key = "", relation = "", operand = ""] = match ?? [];
  const target = Object.hasOwn(TARGETS, name) ? TARGETS[name as keyof typeof TARGETS] : null;
  if (match === null || target === null) {
    throw badTxn(
      where,
      `${line} is no compare: that is TARGET("KEY") RELATION "OPERAND", with a target of value, version, create, mod or lease ` +
        `and a relation of ${Object.keys(RELATIONS).join(" ")}`,
    );
  }
  const facts = { keys: bytesOfWord(key, where), relation: relation as Relation };
  if (target === "value") return { ...facts, target, operand: bytesOfWord(operand, where) };
  return { ...facts, target, operand: numberOfWord("what is compared with", operand, where) };
}

/** The words of an operation, with its options taken out of them. */
interface Words {
  readonly bytes: readonly Buffer[];
  readonly flags: ReadonlySet<string>;
  readonly numbers: ReadonlyMap<string, number>;
}

const TAKES_NUMBER = new Set(["--lease", "--limit"]);
const ALLOWED: Readonly<
  Record<string, { usage: string; options: readonly string[]; words: readonly [number, number] }>
> = {
  put: { usage: "put KEY VALUE [--lease ID] [--prev]", options: ["--lease", "--prev"], words: [2, 2] },
  get: {
    usage: "get KEY [END] [--prefix | --from-key] [--limit N] [--keys-only] [--count-only]",
    options: ["--prefix", "--from-key", "--limit", "--keys-only", "--count-only"],
    words: [1, 2],
  },
  del: {
    usage: "del KEY [END] [--prefix | --from-key] [--prev]",
    options: ["--prefix", "--from-key", "--prev"],
    words: [1, 2],
  },
};

function wordsOf(given: readonly string[], usage: string, options: readonly string[], where: string): Words {
  const bytes: Buffer[] = [];
  const flags = new Set<string>();
  const numbers = new Map<string, number>();
  for (let at = 0; at < given.length; at++) {
    const word = given[at] ?? "";
    if (!word.startsWith("--")) {
      bytes.push(bytesOfWord(word, where));
      continue;
    }
    const [name = "", ...rest] = word.split("=");
    if (!options.includes(name)) throw badTxn(where, `${word} is not allowed here: ${usage}`);
    if (!TAKES_NUMBER.has(name)) flags.add(name);
    else numbers.set(name, numberOfWord(name, rest.length > 0 ? rest.join("=") : (given[++at] ?? ""), where));
  }
  return { bytes, flags, numbers };
}

function keysOf({ bytes, flags }: Words, where: string): Keys {
  const [start = Buffer.alloc(0), end] = bytes;
  const ways = [end !== undefined, flags.has("--prefix"), flags.has("--from-key")];
  if (ways.filter(Boolean).length > 1) throw badTxn(where, "give one of END, --prefix and --from-key");
  if (flags.has("--prefix")) return { prefix: start };
  if (flags.has("--from-key")) return { start };
  if (end === undefined) return start;
  if (Buffer.compare(start, end) >= 0) throw badTxn(where, "END must come after KEY");
  return { start, end };
}

function operationOf(line: string, where: string): OperationPlan {
  if (!LINE.test(line))
    throw badTxn(where, 'a quote is not closed, or stands within a word: write "a \\" b"');
  const [name = "", ...given] = line.match(WORD) ?? [];
  const allowed = ALLOWED[name];
  if (allowed === undefined) throw badTxn(where, `${name} is no operation: there are put, get and del`);
  const words = wordsOf(given, allowed.usage, allowed.options, where);
  const [least, most] = allowed.words;
  if (words.bytes.length < least || words.bytes.length > most) {
    throw badTxn(where, `${words.bytes.length} words behind ${name}, but it is ${allowed.usage}`);
  }
  const [key = Buffer.alloc(0), value = Buffer.alloc(0)] = words.bytes;
  const previous = words.flags.has("--prev");
  switch (name) {
    case "put":
      return { op: "put", key, value, lease: words.numbers.get("--lease") ?? 0, previous };
    case "get":
      return {
        op: "get",
        keys: keysOf(words, where),
        limit: words.numbers.get("--limit") ?? 0,
        order: "ascending",
        keysOnly: words.flags.has("--keys-only"),
        countOnly: words.flags.has("--count-only"),
      };
    default:
      return { op: "del", keys: keysOf(words, where), previous };
  }
}

/** @throws {CliError} BAD_INPUT, naming the line. */
export function parseTxnText(text: string): TxnPlan {
  const compares: ComparePlan[] = [];
  const branches: [OperationPlan[], OperationPlan[]] = [[], []];
  let section = 0;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    const where = `line ${index + 1}`;
    if (line === "") section += 1;
    else if (section === 0) compares.push(compareOf(line, where));
    else if (section <= 2) branches[section - 1]?.push(operationOf(line, where));
    else throw badTxn(where, "there are three parts, each ended by an empty line: compares, then, else");
  }
  return { compares, then: branches[0], else: branches[1] };
}
