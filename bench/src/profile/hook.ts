// Imported by a node that is started with --profile: writes a .cpuprofile of its main thread, from SIGUSR2 on, when it ends.
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import { join } from "node:path";

const SAMPLING_MICROS = 500;
const directory = process.env["RAFTKV_BENCH_PROFILE_DIR"];

if (directory !== undefined) {
  const nameAt = process.argv.indexOf("--name");
  const name = nameAt === -1 ? "node" : (process.argv[nameAt + 1] as string);
  const session = new Session();
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.setSamplingInterval", { interval: SAMPLING_MICROS });
  // From when the benchmark says so: what a start costs is not what is looked for.
  process.once("SIGUSR2", () => {
    session.post("Profiler.start");
    process.once("exit", () => {
      session.post("Profiler.stop", (error, { profile }) => {
        if (error !== null) return;
        writeFileSync(join(directory, `${name}-${process.pid}.cpuprofile`), JSON.stringify(profile));
      });
    });
  });
}
