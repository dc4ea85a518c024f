import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert } from "chai";
import { check } from "./command.js";
import type { CheckArguments } from "./command.js";
import type { Format } from "./formats.js";
import type { ModelName } from "./judge.js";

interface Result {
  readonly code: number;
  readonly lines: readonly string[];
  readonly errors: readonly string[];
}

const log = (...lines: string[]): string => lines.map((line) => `INFO  jepsen.util - ${line}\n`).join("");
const edn = (...maps: string[]): string => maps.map((map) => `{${map}}\n`).join("");
const json = (...records: unknown[]): string =>
  records.map((record) => `${JSON.stringify(record)}\n`).join("");

/** One that began, and one that ended: `op(0, ":get", '"7"', 'nil', '"x"')`. */
const op = (process: number, f: string, key: string, asked: string, told = asked): string[] => [
  `:process ${process}, :type :invoke, :f ${f}, :key ${key}, :value ${asked}`,
  `:process ${process}, :type :ok, :f ${f}, :key ${key}, :value ${told}`,
];

describe("npm run jepsen -- check", () => {
  let dir = "";
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "raftkv-check-"));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  async function run(
    text: string,
    model: ModelName,
    options: Partial<CheckArguments> = {},
    name = "history",
  ) {
    const file = join(dir, name);
    await writeFile(file, text);
    const lines: string[] = [];
    const errors: string[] = [];
    const defaults = { file, model, format: null, html: null, maxSteps: 1e8, maxConfigurations: 1e6 };
    const code = await check(
      { ...defaults, ...options },
      { out: (line) => lines.push(line), error: (line) => errors.push(line.replaceAll(`${dir}/`, "")) },
    );
    return { code, lines, errors };
  }

  function assertVerdict({ code, errors, lines }: Result, isGood: boolean): void {
    assert.deepEqual(errors, []);
    assert.equal(lines.at(-1), isGood ? "linearizable" : "not linearizable", lines.join("\n"));
    assert.equal(code, isGood ? 0 : 1);
  }

  const good: Record<string, [text: string, model: ModelName]> = {
    "a log with tabs": [
      log("0\t:invoke\t:write\t1", "0\t:ok\t:write\t1", "1\t:invoke\t:read\tnil", "1\t:ok\t:read\t1"),
      "register",
    ],
    "a log with spaces, Windows line ends and blanks at the ends": [
      log("0 :invoke   :write 1", "0 :ok :write 1", "1 :invoke :read nil", "1 :ok :read 1").replaceAll(
        "\n",
        "  \r\n",
      ),
      "register",
    ],
    "an unset register": [log("0 :invoke :read nil", "0 :ok :read nil"), "register"],
    "a swap": [
      log(
        "0 :invoke :write 1",
        "0 :ok :write 1",
        "0 :invoke :cas [1 -2]",
        "0 :ok :cas [1 -2]",
        "0 :invoke :read nil",
        "0 :ok :read -2",
      ),
      "register",
    ],
    "a swap that was refused": [
      log(
        "0 :invoke :write 1",
        "0 :ok :write 1",
        "0 :invoke :cas [3 2]",
        "0 :fail :cas [3 2]",
        "0 :invoke :read nil",
        "0 :ok :read 1",
      ),
      "register",
    ],
    "a swap that failed with an error tells nothing": [
      log(
        "0 :invoke :write 1",
        "0 :ok :write 1",
        "0 :invoke :cas [1 2]",
        "0 :fail :cas :timed-out",
        "0 :invoke :cas [1 2]",
        "0 :fail :cas [1 2] :unavailable",
      ),
      "register",
    ],
    "a write that timed out and was seen, by a process that goes on": [
      log("0 :invoke :write 1", "0 :info :write :timed-out", "0 :invoke :read nil", "0 :ok :read 1"),
      "register",
    ],
    "a write that timed out and was not seen": [
      log("0 :invoke :write 1", "0 :info :write :timed-out", "1 :invoke :read nil", "1 :ok :read nil"),
      "register",
    ],
    "a read that failed, a read that timed out": [
      log(
        "0 :invoke :read nil",
        "0 :fail :read :timed-out",
        "1 :invoke :read nil",
        "1 :info :read :timed-out",
      ),
      "register",
    ],
    "an operation that never ended": [
      log("0 :invoke :write 1", "1 :invoke :read nil", "1 :ok :read 1"),
      "register",
    ],
    "other lines in a log": [
      `starting\n${log(":nemesis\t:info\t:start\tnil", "0 :invoke :write 1", "0 :ok :write 1")}INFO jepsen.core - done\n\n`,
      "register",
    ],
    "lines of a newer log": [
      "INFO [2020-01-01 10:00:00,000] jepsen worker 0 - jepsen.util 0\t:invoke\t:write\t1\n",
      "register",
    ],
    "strings added to": [
      edn(
        ...op(0, ":append", '"7"', '"x 0 1 y"'),
        ...op(1, ":append", '"7"', '"x 1 1 y"'),
        ...op(0, ":get", '"7"', "nil", '"x 0 1 yx 1 1 y"'),
      ),
      "kv",
    ],
    "unset is empty": [edn(...op(0, ":get", '"7"', "nil", '""'), ...op(0, ":get", '"8"', "nil")), "kv"],
    "a put replaces, an append adds, by the other model": [
      edn(
        ...op(0, ":append", '"7"', '"a"'),
        ...op(0, ":put", '"7"', '"b"'),
        ...op(0, ":append", '"7"', '"c"'),
        ...op(0, ":get", '"7"', "nil", '"bc"'),
      ),
      "append",
    ],
    "escapes in strings": [
      edn(...op(0, ":put", '"\\"k\\""', '"a\\n\\\\"'), ...op(0, ":get", '"\\"k\\""', "nil", '"a\\n\\\\"')),
      "kv",
    ],
    "a register in maps": [
      edn(...op(0, ":write", "1", "3"), ...op(0, ":cas", "1", "[3 4]"), ...op(0, ":read", "1", "nil", "4")),
      "register",
    ],
    "comments, blank lines and the nemesis": [
      `; a history\n\n${edn(":process :nemesis, :type :info, :f :start", ...op(0, ":put", "1", '"a"'))}`,
      "kv",
    ],
    "transactions as Jepsen writes them": [
      edn(
        ":type :invoke, :f :txn, :value [[:append 5 1] [:r 6 nil]], :process 0, :time 1, :index 0",
        ":type :ok, :f :txn, :value [[:append 5 1] [:r 6 nil]], :process 0, :time 2, :index 1",
        ":type :invoke, :f :txn, :value [[:r 5 nil]], :process 1, :time 3, :index 2",
        ":type :ok, :f :txn, :value [[:r 5 [1]]], :process 1, :time 4, :index 3",
      ),
      "append",
    ],
    "our own lines, whole operations": [
      json({ process: 0, op: "put", key: "k", value: "a", revision: 1, call: 1, return: 2, outcome: "ok" }),
      "kv",
    ],
    "our own lines, events, with Jepsen's words": [
      json(
        { type: "invoke", process: 0, f: "cas", key: 1, value: [null, 2] },
        { type: "ok", process: 0, swapped: true },
        { type: "invoke", process: 0, f: "read", key: 1 },
        { type: "info", process: 0 },
      ),
      "register",
    ],
    "a byte order mark": [`\uFEFF${json({ type: "invoke", process: 0, op: "get", key: "k" })}`, "kv"],
  };
  for (const [name, [text, model]] of Object.entries(good))
    it(`finds linearizable: ${name}`, async () => assertVerdict(await run(text, model), true));

  const bad: Record<string, [text: string, model: ModelName]> = {
    "a stale read": [
      log(
        "0 :invoke :write 1",
        "0 :ok :write 1",
        "0 :invoke :write 2",
        "0 :ok :write 2",
        "1 :invoke :read nil",
        "1 :ok :read 1",
      ),
      "register",
    ],
    "a value that nobody wrote": [log("0 :invoke :read nil", "0 :ok :read 7"), "register"],
    "a write that failed is seen": [
      log("0 :invoke :write 1", "0 :fail :write 1", "0 :invoke :read nil", "0 :ok :read 1"),
      "register",
    ],
    "a swap that was refused although it fits": [
      log("0 :invoke :write 1", "0 :ok :write 1", "0 :invoke :cas [1 2]", "0 :fail :cas [1 2]"),
      "register",
    ],
    "a swap that should have been refused": [
      log("0 :invoke :write 1", "0 :ok :write 1", "0 :invoke :cas [3 2]", "0 :ok :cas [3 2]"),
      "register",
    ],
    "the wrong order of two appends": [
      edn(
        ...op(0, ":append", '"7"', '"a"'),
        ...op(1, ":append", '"7"', '"b"'),
        ...op(0, ":get", '"7"', "nil", '"ba"'),
      ),
      "kv",
    ],
    "an append that is lost": [
      edn(
        ...op(0, ":append", '"7"', '"a"'),
        ...op(1, ":append", '"7"', '"b"'),
        ...op(0, ":get", '"7"', "nil", '"a"'),
      ),
      "append",
    ],
    "an append that counts twice": [
      edn(...op(0, ":append", '"7"', '"a"'), ...op(0, ":get", '"7"', "nil", '"aa"')),
      "kv",
    ],
    "write skew": [
      edn(
        ":type :invoke, :f :txn, :value [[:append 1 1] [:r 2 nil]], :process 0",
        ":type :invoke, :f :txn, :value [[:append 2 1] [:r 1 nil]], :process 1",
        ":type :ok, :f :txn, :value [[:append 1 1] [:r 2 []]], :process 0",
        ":type :ok, :f :txn, :value [[:append 2 1] [:r 1 []]], :process 1",
      ),
      "append",
    ],
    "the revision of another put": [
      json(
        { process: 0, op: "put", key: "k", value: "a", revision: 1, call: 1, return: 2, outcome: "ok" },
        { process: 0, op: "put", key: "k", value: "b", revision: 2, call: 3, return: 4, outcome: "ok" },
        { process: 0, op: "get", key: "k", value: "b", modRevision: 1, call: 5, return: 6, outcome: "ok" },
      ),
      "kv",
    ],
  };
  for (const [name, [text, model]] of Object.entries(bad))
    it(`finds not linearizable: ${name}`, async () => assertVerdict(await run(text, model), false));

  const unreadable: Record<string, [text: string, model: ModelName, message: string, format?: Format]> = {
    "an answer that nobody waits for": [
      log("0 :ok :read 1"),
      "register",
      "history, line 1: process 0 has an answer (:ok :read), but has invoked nothing before that still waits for one",
    ],
    "an answer to something else": [
      log("0 :invoke :read nil", "0 :ok :write 1"),
      "register",
      "history, line 2: process 0 has an answer to :write, but waits for one to the :read of line 1",
    ],
    "a process that asks while it waits": [
      log("0 :invoke :read nil", "0 :invoke :write 1"),
      "register",
      "history, line 2: process 0 invokes :write, but still waits for the answer to what it invoked on line 1",
    ],
    "a swap with one value": [
      log("0 :invoke :cas 3"),
      "register",
      "history, line 1: :invoke :cas of process 0: the value must be [expected new], but is 3",
    ],
    "an unknown operation": [
      log("0 :invoke :scan nil"),
      "register",
      "history, line 1: :invoke :scan of process 0: the operation must be one of :read :write :cas :get :put :append :delete :txn, but is :scan",
    ],
    "operations of another model": [
      log("0 :invoke :read nil", "0 :ok :read nil"),
      "kv",
      "history, line 1: is a read; --model kv judges get, put, append, delete",
    ],
    "a string without its end": [
      edn(...op(0, ":put", '"k"', '"a')),
      "kv",
      'history, line 1: column 58: the " that ends a string is expected, not the end',
      "edn",
    ],
    "a line that is no map": ["[1 2]\n", "kv", "history, line 1: is [1 2]; a map such as", "edn"],
    "a map without a process": [
      edn(":type :invoke, :f :get"),
      "kv",
      "history, line 1: :process must be a number of 0 or more, but is not there",
    ],
    "an unknown type": [
      edn(":process 0, :type :maybe, :f :get"),
      "kv",
      "history, line 1: :type must be :invoke, :ok, :fail or :info, but is :maybe",
    ],
    "broken JSON, on its line": [
      '{"type":"invoke","process":0,"op":"get","key":"k"}\n\n{"a"\n',
      "kv",
      "history, line 3: is not JSON",
    ],
    "a wrong field, on its line": [
      `\n${json({ process: 0, op: "get", key: "k", value: 3, call: 1, return: 2, outcome: "ok" })}`,
      "kv",
      "history, line 2: value is 3; it must be a string or null",
    ],
    "an element that is appended twice": [
      edn(...op(0, ":txn", "nil", "[[:append 1 1]]"), ...op(0, ":txn", "nil", "[[:append 1 1]]")),
      "append",
      'history: 1 is appended twice to "1"',
    ],
    "a format that cannot be told": [
      "what is this\n",
      "kv",
      "history: no line shows which format the file has; say it with --format",
    ],
    "a file without operations": [
      "nothing\n",
      "register",
      "history: no line is an operation in the format jepsen-log",
      "jepsen-log",
    ],
  };
  for (const [name, [text, model, message, format]] of Object.entries(unreadable))
    it(`cannot read, and says why: ${name}`, async () => {
      const { code, errors, lines } = await run(text, model, { format: format ?? null });
      assert.deepEqual(lines, []);
      assert.equal(code, 2);
      assert.lengthOf(errors, 1);
      assert.include(errors[0], message);
    });

  it("cannot read a file that is not there, or a directory", async () => {
    for (const file of [join(dir, "missing"), dir]) {
      const { code, errors } = await run("", "kv", { file });
      assert.equal(code, 2);
      assert.match(errors[0] ?? "", /ENOENT|EISDIR/);
    }
  });

  it("goes by the name of a file before it looks into it", async () => {
    const { errors } = await run(edn(...op(0, ":get", "1", "nil", '""')), "kv", {}, "history.jsonl");
    assert.include(errors[0], "history.jsonl, line 1: is not JSON");
  });

  it("is undecided when a limit ends the search, which is no pass", async () => {
    const writes = Array.from({ length: 12 }, (_, at) => `${at} :invoke :write ${at}`);
    const reads = Array.from({ length: 12 }, (_, at) => [
      `${at + 20} :invoke :read nil`,
      `${at + 20} :ok :read ${at}`,
    ]);
    const { code, lines } = await run(log(...writes, ...reads.flat()), "register", { maxSteps: 5 });
    assert.equal(lines.at(-1), "undecided");
    assert.equal(code, 3);
  });

  it("reads a file of many pieces, with lines across them", async () => {
    const events = Array.from({ length: 5_000 }, (_, at) =>
      op(at % 7, ":put", `"k${at % 50}"`, `"${"é".repeat(20)}${at}"`),
    ).flat();
    const result = await run(edn(...events), "kv");
    assertVerdict(result, true);
    assert.include(result.lines[0], "5000 operations");
  });

  it("explains what is wrong, and draws it on a page without anything from outside", async () => {
    const html = join(dir, "page.html");
    const [text, model] = bad["an append that is lost"] as [string, ModelName];
    const { lines } = await run(text, model, { html });
    const told = lines.join("\n");
    assert.include(told, 'not linearizable: key "7"');
    assert.include(told, 'get -> "a"');
    const page = await readFile(html, "utf8");
    assert.include(page, '<div class="verdict bad">not linearizable</div>');
    assert.include(page, "get -&gt; &quot;a&quot;");
    assert.notMatch(page, /<script|(?:src|href)=/);
  });

  it("names the anomaly of transactions, and shows the cycle", async () => {
    const [text, model] = bad["write skew"] as [string, ModelName];
    const { lines } = await run(text, model);
    assert.deepEqual(lines[0]?.split("\n"), [
      "G2-item, a cycle of 2",
      "  T1: process 0: append 1 to 1, read 2 -> [] (call 1, return 3)",
      "  T2: process 1: append 1 to 2, read 1 -> [] (call 2, return 4)",
      "each must come before the next, and the last before the first:",
      "  T1 read 2 without what T2 appended (rw)",
      "  T2 read 1 without what T1 appended (rw)",
    ]);
  });
});
