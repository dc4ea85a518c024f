import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { SETTINGS, environmentNameOf, formatHostPort, parseNodeOptions } from "@raftkv/node";
import { parse } from "yaml";
import { ERRORS } from "@raftkv/protocol";
import { EXIT } from "../dist/errors.js";
import { createMetrics } from "../dist/metrics.js";
import { idleSource } from "./support/idle-metrics.js";

const CONTRIB = new URL("../../../contrib/", import.meta.url);

function contrib(path: string): string {
  return readFileSync(new URL(path, CONTRIB), "utf8");
}

describe("contrib/docker", () => {
  interface Compose {
    readonly services: Readonly<
      Record<string, { readonly environment: Record<string, string>; readonly ports: string[] }>
    >;
  }
  const { services } = parse(contrib("docker/compose.yaml"), { merge: true }) as Compose;
  const image = Object.fromEntries(
    [...contrib("docker/Dockerfile").matchAll(/^ENV (\w+)=(\S+)$/gm)].map(([, name = "", value = ""]) => [
      name,
      value,
    ]),
  );

  it("sets variables that a node has, and what they say together is a cluster of three", () => {
    const known = new Set(Object.keys(SETTINGS).map(environmentNameOf));
    const nodes = Object.entries(services).map(([name, { environment, ports }]) => {
      const variables = { ...image, ...environment };
      expect(Object.keys(variables).filter((variable) => !known.has(variable))).to.deep.equal([]);
      const options = parseNodeOptions({}, variables);
      expect(options).to.include({ name, start: "init", dataDir: "/var/lib/raftkv" });
      // Clients outside are told what is published, peers what this network calls the container.
      expect(ports).to.deep.equal([
        `${formatHostPort(options.advertiseClient)}:${options.listenClient.port}`,
      ]);
      expect(options.advertisePeer.host).to.equal(name);
      return options;
    });
    expect(nodes.map(({ name }) => name)).to.deep.equal(nodes[0]?.initialCluster.map(({ name }) => name));
    expect(nodes).to.have.length(3);
  });
});

describe("contrib/prometheus", () => {
  interface Rules {
    readonly groups: readonly {
      readonly rules: readonly { readonly alert: string; readonly expr: string }[];
    }[];
  }
  const rules = (parse(contrib("prometheus/alerts.yaml")) as Rules).groups.flatMap((group) => group.rules);

  for (const { alert, expr } of rules) {
    it(`${alert} is about a metric that there is, and its labels`, () => {
      const { registry } = createMetrics(idleSource());
      for (const [, found = ""] of expr.matchAll(/\b((?:raftkv|nodejs)_\w+)/g)) {
        const name = found.replace(/_(?:bucket|sum|count)$/, "");
        expect(registry.getSingleMetric(name), name).to.be.an("object");
      }
      expect(expr).to.match(/raftkv/);
      const codes = /code=~"([A-Z_|]+)"/.exec(expr)?.[1]?.split("|") ?? [];
      for (const code of codes) expect(ERRORS).to.have.property(code);
    });
  }
});

describe("contrib/systemd", () => {
  const unit = contrib("systemd/raftkv@.service");

  it("starts a node again, but not after what a start cannot mend", () => {
    const codes = /^RestartPreventExitStatus=(.*)$/m.exec(unit)?.[1]?.split(" ").map(Number);
    expect(codes).to.have.members([EXIT.usage, EXIT.invariant, EXIT.inUse, EXIT.damaged]);
  });

  it("is a unit that systemd takes", function () {
    const folder = mkdtempSync(join(tmpdir(), "raftkv-unit-"));
    try {
      const path = join(folder, "raftkv@.service");
      // It looks whether the programs are there.
      writeFileSync(path, unit.replaceAll("/usr/local/bin/raftkv", process.execPath));
      const { error, status, stderr, stdout } = spawnSync("systemd-analyze", ["verify", "--man=no", path], {
        encoding: "utf8",
      });
      if (error !== undefined) {
        console.warn("      skipped: there is no systemd-analyze");
        this.skip();
      }
      expect(`${stdout}${stderr}`).to.equal("");
      expect(status).to.equal(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
