import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { pruneOutputs } from "./build.mjs";
import { styleProblems } from "./style.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PACKAGES = ["raft", "store", "checker", "protocol", "fsm", "client", "node", "cli"];

describe("the style check", () => {
  let root = "";
  const put = (path, content) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  const change = (path, edit) => {
    const content = JSON.parse(readFileSync(join(root, path), "utf8"));
    edit(content);
    put(path, JSON.stringify(content));
  };
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "raftkv-style-test-"));
    for (const name of PACKAGES) {
      for (const file of ["package.json", "tsconfig.json"]) {
        const path = join("packages", name, file);
        mkdirSync(join(root, dirname(path)), { recursive: true });
        cpSync(join(ROOT, path), join(root, path));
      }
    }
    mkdirSync(join(root, "packages/raft/src/core"), { recursive: true });
    cpSync(
      join(ROOT, "packages/raft/src/core/tsconfig.json"),
      join(root, "packages/raft/src/core/tsconfig.json"),
    );
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("has nothing to say of this repository's packages as they are wired", () => {
    expect(styleProblems(root)).to.deep.equal([]);
  });

  it("counts lines: 400 in a source, 600 in a test", () => {
    put("packages/raft/src/a.ts", "\n".repeat(400));
    put("packages/raft/test/a.test.ts", "\n".repeat(600));
    expect(styleProblems(root)).to.deep.equal([]);
    put("packages/raft/src/a.ts", "\n".repeat(401));
    put("packages/raft/test/a.test.ts", "\n".repeat(601));
    expect(styleProblems(root)).to.deep.equal([
      "packages/raft/src/a.ts has 401 lines, allowed are 400",
      "packages/raft/test/a.test.ts has 601 lines, allowed are 600",
    ]);
  });

  const broken = {
    "a dependency that the architecture does not allow": [
      "packages/raft/package.json",
      (content) => {
        content.dependencies = { "@raftkv/node": "workspace:*" };
      },
      /packages\/raft\/package\.json: dependencies may not name @raftkv\/node/,
    ],
    "a project reference that it does not allow": [
      "packages/raft/tsconfig.json",
      (content) => content.references.push({ path: "../node" }),
      /packages\/raft\/tsconfig\.json may not refer to \.\.\/node/,
    ],
    "paths that go round the boundaries": [
      "packages/fsm/tsconfig.json",
      (content) => {
        content.compilerOptions.paths = { "@raftkv/node": ["../node/src"] };
      },
      /packages\/fsm\/tsconfig\.json: "paths"/,
    ],
    "a core that sees Node.js": [
      "packages/raft/src/core/tsconfig.json",
      (content) => {
        content.compilerOptions.types = ["node"];
      },
      /must have "types": \[\]/,
    ],
    "a core that sees the browser": [
      "packages/raft/src/core/tsconfig.json",
      (content) => content.compilerOptions.lib.push("dom"),
      /must have "lib": \["es2023"\]/,
    ],
  };
  for (const [what, [path, edit, message]] of Object.entries(broken)) {
    it(`names ${what}`, () => {
      change(path, edit);
      const problems = styleProblems(root);
      expect(problems).to.have.length(1);
      expect(problems[0]).to.match(message);
    });
  }

  const lines = {
    "// oxlint-disable-next-line no-restricted-imports -- I know better": /switches off an import boundary/,
    "// oxlint-disable-next-line eqeqeq": /switches off lint without/,
    "/* eslint-disable */": /switches off lint without/,
    "// @ts-ignore": /switches off the compiler/,
    "// TODO: later": /leaves something for later/,
  };
  for (const [line, message] of Object.entries(lines)) {
    it(`names the line ${line}`, () => {
      put("packages/store/src/a.ts", `\n${line}\n`);
      const problems = styleProblems(root);
      expect(problems).to.have.length(1);
      expect(problems[0])
        .to.match(/^packages\/store\/src\/a\.ts:2 /)
        .and.to.match(message);
    });
  }

  it("takes a switched-off rule that says why", () => {
    put("packages/store/src/a.ts", "// oxlint-disable-next-line eqeqeq -- null and undefined are one here\n");
    expect(styleProblems(root)).to.deep.equal([]);
  });

  it("names compiled output among the sources, and a package that is in no table", () => {
    put("packages/store/src/a.ts", "");
    put("packages/store/src/a.d.ts", "");
    put("packages/store/src/b.js", "");
    put("packages/store/src/by-hand.d.ts", "");
    mkdirSync(join(root, "packages/extra"));
    const named = styleProblems(root).map((problem) => problem.split(" ", 1)[0]);
    expect(named).to.have.members(["packages/store/src/a.d.ts", "packages/store/src/b.js", "packages/extra"]);
  });
});

describe("the build", () => {
  it("takes away what was compiled from a source that is gone, and nothing else", () => {
    const folder = mkdtempSync(join(tmpdir(), "raftkv-prune-test-"));
    try {
      const files = [
        "dist-test/deep/old.test.js",
        "dist-test/deep/old.test.js.map",
        "dist-test/deep/old.test.d.ts",
      ];
      const kept = ["dist-test/deep/new.test.js", "dist-test/.tsbuildinfo", "dist-test/fixture.json"];
      for (const path of [...files, ...kept, "test/deep/new.test.ts"]) {
        mkdirSync(join(folder, dirname(path)), { recursive: true });
        writeFileSync(join(folder, path), "");
      }
      expect(pruneOutputs(folder)).to.have.members(files.map((path) => join(folder, path)));
      expect(pruneOutputs(folder)).to.deep.equal([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
