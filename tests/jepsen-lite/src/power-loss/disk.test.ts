import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { compileShim } from "./compile.js";
import { PowerLossDisk, PowerLossError } from "./disk.js";
import { Random } from "./random.js";

/** What every program below begins with. */
const PRELUDE = `
const fs = require("node:fs");
const path = require("node:path");
const dir = process.env.POWER_LOSS_DIR;
const at = (name) => path.join(dir, name);
const sync = (name) => { const fd = fs.openSync(at(name), "r"); fs.fsyncSync(fd); fs.closeSync(fd); };
const put = (name, bytes, offset = 0) => {
  const fd = fs.openSync(at(name), fs.existsSync(at(name)) ? "r+" : "w");
  fs.writeSync(fd, bytes, 0, bytes.length, offset);
  fs.closeSync(fd);
};
const write = (name, bytes, offset) => put(name, Buffer.from(bytes), offset);
const die = () => process.kill(process.pid, "SIGKILL");
`;

/** What is random is tried so often at one cut. */
const TIMES = 40;
const SEED = 1;

describe("a disk that loses power", function () {
  this.timeout(60_000);
  let root: string;
  let shim: string;
  let disks = 0;
  let disk: PowerLossDisk;

  before(function () {
    root = mkdtempSync(join(tmpdir(), "raftkv-power-loss-"));
    shim = join(root, "shim.so");
    const missing = compileShim(shim);
    if (missing === null) return;
    process.stderr.write(`skipped: ${missing}\n`);
    this.skip();
  });
  beforeEach(() => {
    disks += 1;
    disk = new PowerLossDisk(join(root, String(disks)), shim);
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  /** Runs a program over the disk to its end, which is usually SIGKILL. */
  function run(program: string): { status: number | null; stderr: string } {
    const env = { ...process.env, ...disk.env(".wal") };
    const { signal, status, stderr } = spawnSync(process.execPath, ["-e", PRELUDE + program], {
      env,
      encoding: "utf8",
    });
    if (signal === null && status !== 0 && status !== 99) throw new Error(`the program failed: ${stderr}`);
    return { status, stderr };
  }

  const read = (name: string): string => readFileSync(join(disk.directory, name), "utf8");
  const names = (folder = ""): string[] => readdirSync(join(disk.directory, folder)).sort();

  describe("bytes", () => {
    it("what was written and not synced is lost; what was synced before stays", () => {
      run(`write("f", "synced"); sync("f"); sync("."); write("f", "LOST and longer"); die()`);
      expect(read("f")).to.equal("LOST and longer");
      disk.cut(null);
      expect(read("f")).to.equal("synced");
    });

    it("a sync covers what was written before it, through any descriptor, and no other file", () => {
      run(
        `write("f", "aaaa"); write("g", "gggg"); sync("."); write("f", "bb", 1); sync("f"); write("f", "c", 3); die()`,
      );
      disk.cut(null);
      expect([read("f"), read("g")]).to.deep.equal(["abba", ""]);
    });

    it("writes at an offset, gathered, appended, and through a descriptor for writing only are followed", () => {
      run(`
        write("f", "0123456789"); sync("f"); sync(".");
        const writing = fs.openSync(at("f"), fs.constants.O_WRONLY);
        fs.writevSync(writing, [Buffer.from("x"), Buffer.from("y")], 3);
        fs.writevSync(writing, [Buffer.from("z"), Buffer.from("z")]);
        fs.writeSync(writing, "!", 9);
        fs.appendFileSync(at("f"), "tail");
        if (fs.readFileSync(at("f"), "utf8") !== "zz2xy5678!tail") process.exit(1);
        die()`);
      disk.cut(null);
      expect(read("f")).to.equal("0123456789");
    });

    it("a truncation that was not synced is undone, and so is emptying a file by opening it", () => {
      run(`
        write("f", "0123456789"); sync("f"); write("g", "contents"); sync("g"); sync(".");
        fs.truncateSync(at("f"), 3); fs.truncateSync(at("f"), 6);
        fs.writeFileSync(at("g"), "new");
        die()`);
      disk.cut(null);
      expect([read("f"), read("g")]).to.deep.equal(["0123456789", "contents"]);
    });

    it("what is written while a sync runs is not taken for synced", () => {
      run(`
        write("f", "0".repeat(4096)); sync("."); sync("f");
        const fd = fs.openSync(at("f"), "r+");
        let left = 400;
        let synced = 0;
        const turn = () => {
          if (left-- === 0) { fs.writeFileSync(1, String(synced)); die(); return; }
          const value = 400 - left;
          const bytes = Buffer.alloc(4096, String(value % 10));
          bytes.write(String(value));
          fs.writeSync(fd, bytes, 0, 4096, 0);
          fs.fdatasync(fd, () => { synced = value; turn(); });
          // Of the same length, and under way at the same time.
          fs.writeSync(fd, Buffer.alloc(4096, "x"), 0, 4096, 0);
        };
        turn();`);
      // Neither what was there before all of it nor half of two: one of the two writes of some turn.
      disk.cut(null);
      expect(read("f")).to.match(/^(?:\d{1,3}(\d)\1*|x*)$/);
    });

    it("a file that was removed and is still open is followed too", () => {
      run(`
        write("f", "synced"); sync("f"); sync(".");
        const fd = fs.openSync(at("f"), "r+");
        fs.unlinkSync(at("f"));
        fs.writeSync(fd, "LOST!!", 0);
        die()`);
      disk.cut(null);
      expect(read("f")).to.equal("synced");
    });
  });

  describe("names", () => {
    it("a new file is gone, however well its bytes were synced, until its directory is synced", () => {
      run(`write("kept", "1"); sync("kept"); sync("."); write("f", "1"); sync("f"); die()`);
      disk.cut(null);
      expect(names()).to.deep.equal(["kept"]);
    });

    it("a name can be durable before the bytes are", () => {
      run(`write("f", "bytes"); sync("."); die()`);
      disk.cut(null);
      expect(read("f")).to.equal("");
    });

    it("a rename that was not synced comes back, and so does what it replaced", () => {
      run(`
        write("f", "old"); sync("f"); sync(".");
        write("f.tmp", "new"); sync("f.tmp"); sync("."); fs.renameSync(at("f.tmp"), at("f"));
        die()`);
      expect(read("f")).to.equal("new");
      disk.cut(null);
      expect(names()).to.deep.equal(["f", "f.tmp"]);
      expect([read("f"), read("f.tmp")]).to.deep.equal(["old", "new"]);
    });

    it("a rename that was synced stays", () => {
      run(
        `write("f", "old"); write("g", "new"); sync("g"); fs.renameSync(at("g"), at("f")); sync("."); die()`,
      );
      disk.cut(null);
      expect(names()).to.deep.equal(["f"]);
      expect(read("f")).to.equal("new");
    });

    it("a removal that was not synced comes back with the synced bytes; one that was synced does not", () => {
      run(`
        write("f", "f"); sync("f"); write("g", "g"); sync("g"); sync(".");
        fs.unlinkSync(at("g")); sync("."); fs.unlinkSync(at("f"));
        die()`);
      disk.cut(null);
      expect(names()).to.deep.equal(["f"]);
      expect(read("f")).to.equal("f");
    });

    it("a second name has the bytes of the first, and goes alone", () => {
      run(`
        write("f.tmp", "bytes"); sync("f.tmp"); fs.linkSync(at("f.tmp"), at("f")); sync(".");
        fs.unlinkSync(at("f.tmp")); fs.linkSync(at("f"), at("g"));
        die()`);
      disk.cut(null);
      expect(names()).to.deep.equal(["f", "f.tmp"]);
      expect(read("f")).to.equal("bytes");
    });

    it("a new directory is gone with all that was synced in it, until the one above is synced", () => {
      run(`
        fs.mkdirSync(at("a/b"), { recursive: true }); sync(".");
        write("a/b/f", "1"); sync("a/b/f"); sync("a/b");
        fs.mkdirSync(at("a/c")); sync("a");
        fs.mkdirSync(at("a/c/d")); write("a/c/d/f", "1"); sync("a/c/d/f"); sync("a/c/d");
        die()`);
      disk.cut(null);
      expect(names("a")).to.deep.equal(["b", "c"]);
      expect([names("a/b"), names("a/c")]).to.deep.equal([["f"], []]);
    });

    it("a removed tree comes back; one whose removal was synced does not", () => {
      run(`
        for (const tree of ["s", "t"]) {
          fs.mkdirSync(at(tree + "/in"), { recursive: true });
          write(tree + "/in/f", "bytes"); sync(tree + "/in/f"); sync(tree + "/in"); sync(tree);
        }
        sync(".");
        fs.rmSync(at("s"), { recursive: true }); sync(".");
        fs.rmSync(at("t"), { recursive: true });
        die()`);
      expect(names()).to.deep.equal([]);
      disk.cut(null);
      expect(names()).to.deep.equal(["t"]);
      expect(read("t/in/f")).to.equal("bytes");
    });

    it("names that were used again and again lead back to the first", () => {
      run(`
        write("f", "first"); sync("f"); sync(".");
        for (let i = 0; i < 5; i += 1) {
          fs.unlinkSync(at("f")); write("f", "again" + i); sync("f");
          fs.mkdirSync(at("d")); fs.renameSync(at("f"), at("g")); fs.rmdirSync(at("d")); fs.renameSync(at("g"), at("f"));
        }
        die()`);
      disk.cut(null);
      expect(names()).to.deep.equal(["f"]);
      expect(read("f")).to.equal("first");
    });

    it("directory operations survive as a prefix, in order; each directory has its own", () => {
      run(`
        for (let i = 0; i < ${TIMES}; i += 1) fs.mkdirSync(at("d" + i));
        sync(".");
        for (let i = 0; i < ${TIMES}; i += 1) {
          for (const name of "abcdef") write("d" + i + "/" + name, "");
          fs.renameSync(at("d" + i + "/a"), at("d" + i + "/z"));
          fs.unlinkSync(at("d" + i + "/b"));
        }
        die()`);
      disk.cut(new Random(SEED));
      const found = new Set(Array.from({ length: TIMES }, (_, i) => names(`d${i}`).join("")));
      const prefixes = ["", "a", "ab", "abc", "abcd", "abcde", "abcdef", "bcdefz", "cdefz"];
      expect([...found].filter((one) => !prefixes.includes(one))).to.deep.equal([]);
      expect(found.size, `of ${TIMES} directories`).to.be.greaterThan(5);
    });
  });

  describe("at random", () => {
    it("any sectors or pages that were not synced survive; the synced ones all do", () => {
      run(`
        for (let i = 0; i < ${TIMES}; i += 1) { write("f" + i, "a".repeat(8192)); sync("f" + i); }
        sync(".");
        for (let i = 0; i < ${TIMES}; i += 1) {
          write("f" + i, "b".repeat(4096), 4096);
          write("f" + i, "c".repeat(4096), 8192);
        }
        die()`);
      disk.cut(new Random(SEED));
      const kinds = new Set<string>();
      for (let i = 0; i < TIMES; i += 1) {
        const bytes = read(`f${i}`);
        expect(bytes.slice(0, 4096), `f${i}`).to.equal("a".repeat(4096));
        const sectors = bytes.slice(4096).match(/[^]{1,512}/g) ?? [];
        for (const sector of sectors) expect(sector, `f${i}`).to.match(/^(?:a+|b+|c+|\0+)$/);
        kinds.add(sectors.map((sector) => sector[0]).join(""));
      }
      expect([...kinds], "nothing survives").to.include("aaaaaaaa");
      expect([...kinds], "all survives").to.include("bbbbbbbbcccccccc");
      expect(kinds.size, `of ${TIMES} files`).to.be.greaterThan(9);
    });

    it("no file has grown by what was written after a name that is lost, unless that was asked for", () => {
      const program = `
        write("log", "start"); sync("log"); sync(".");
        write("table", "bytes"); sync("table"); write("log", "start, and the table is there");
        die()`;
      const found = { ordered: new Set<string>(), unordered: new Set<string>() };
      for (let seed = 1; seed <= 12; seed += 1) {
        for (const kind of ["ordered", "unordered"] as const) {
          disk = new PowerLossDisk(join(root, `${kind}-${seed}`), shim);
          run(program);
          disk.cut(new Random(seed), { ordered: kind === "ordered" });
          const grew = read("log").length > "start".length;
          found[kind].add(
            `${names().includes("table") ? "table" : "no table"}, ${grew ? "grew" : "did not grow"}`,
          );
        }
      }
      expect([...found.ordered]).not.to.include("no table, grew");
      expect([...found.ordered]).to.include("table, grew");
      expect([...found.unordered]).to.include("no table, grew");
    });

    it("a seed gives the same again", () => {
      const program = `
        write("f", "a".repeat(9000)); sync("."); write("f", "b".repeat(9000), 500); write("g", "1"); write("h", "2"); die()`;
      const outcomes = [1, 2].map((time) => {
        disk = new PowerLossDisk(join(root, `again-${time}`), shim);
        run(program);
        disk.cut(new Random(7));
        return { names: names(), bytes: read("f") };
      });
      expect(outcomes[0]).to.deep.equal(outcomes[1]);
    });
  });

  describe("over several processes", () => {
    it("one that was killed leaves the next what is still unsynced", () => {
      run(`write("f", "synced"); sync("f"); sync("."); write("f", "LOST 1"); write("g", ""); die()`);
      run(`write("f", "LOST 2"); write("h", ""); die()`);
      disk.cut(null);
      expect(names()).to.deep.equal(["f"]);
      expect(read("f")).to.equal("synced");
    });

    it("a sync by the next makes durable what the one before wrote", () => {
      run(`write("f", "bytes"); die()`);
      run(`sync("f"); sync("."); die()`);
      disk.cut(null);
      expect(read("f")).to.equal("bytes");
    });

    it("what survived a cut is durable for the next one", () => {
      run(`write("f", "1"); sync("f"); sync("."); write("f", "2"); die()`);
      disk.cut(null);
      run(`write("f", "3"); die()`);
      disk.cut(null);
      expect(read("f")).to.equal("1");
    });

    it("a part of a record that a kill left is passed over", () => {
      run(`write("f", "synced"); sync("f"); sync("."); write("f", "LOST 1"); die()`);
      const folder = join(`${disk.directory}.power-loss`, "data");
      const journal = join(folder, readdirSync(folder)[0] ?? "");
      writeFileSync(journal, Buffer.concat([readFileSync(journal), Buffer.alloc(17, 1)]));
      run(`write("f", "LOST 2"); die()`);
      disk.cut(null);
      expect(read("f")).to.equal("synced");
    });
  });

  it("removed files are put aside under their names when asked for", () => {
    run(
      `write("1.wal", "one"); write("f", "x"); fs.unlinkSync(at("1.wal")); fs.unlinkSync(at("f")); sync("."); die()`,
    );
    disk.cut(null);
    expect(readdirSync(disk.aside)).to.deep.equal(["1.wal"]);
    expect(readFileSync(join(disk.aside, "1.wal"), "utf8")).to.equal("one");
  });

  it("what the C library writes as a stream is followed", () => {
    // Streams of C++ are streams of C below.
    run(
      `write("f", ""); sync("."); process.report.directory = dir; process.report.writeReport("report"); sync("."); die()`,
    );
    expect(read("report").length).to.be.greaterThan(100);
    disk.cut(null);
    expect(read("report")).to.equal("");
  });

  describe("what cannot be followed ends the process with 99, and says so", () => {
    for (const [what, program] of [
      ["writing synchronously", `fs.openSync(at("f"), "as")`],
      [
        "a rename from one directory to another",
        `fs.mkdirSync(at("d")); write("f", ""); fs.renameSync(at("f"), at("d/f"))`,
      ],
      ["a symbolic link", `fs.symlinkSync("f", at("link"))`],
      ["copying inside the kernel", `write("f", "x"); fs.copyFileSync(at("f"), at("g"))`],
      ["a temporary directory of the C library", `fs.mkdtempSync(at("temporary"))`],
    ] as const) {
      it(what, () => {
        const { status, stderr } = run(program);
        expect(stderr).to.match(/^power-loss shim: .* cannot be tracked/m);
        expect(status).to.equal(99);
        expect(() => disk.cut(null)).to.throw(PowerLossError, "cannot be tracked");
      });
    }

    it("a cut without a process that loaded the shim is refused", () => {
      expect(() => disk.cut(null)).to.throw(PowerLossError, "no process has loaded the shim");
    });

    it("files outside of the directory are nobody's business", () => {
      const outside = join(root, "outside");
      mkdirSync(outside, { recursive: true });
      run(`fs.writeFileSync(${JSON.stringify(join(outside, "f"))}, "bytes"); write("f", "x"); die()`);
      disk.cut(null);
      expect(existsSync(join(outside, "f"))).to.equal(true);
    });
  });
});
