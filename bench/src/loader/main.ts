// Loads raftkv through @raftkv/client, or the bare echo, in a process of its own: `main.js raftkv|echo HOST:PORT,…`.
// Speaks the protocol of protocol.ts on standard input and output.
import { createInterface } from "node:readline";
import type { Control, Job, Report } from "./protocol.js";
import { Run } from "./run.js";
import { connectTarget } from "./target.js";
import type { Target, TargetKind } from "./target.js";

const [kind = "raftkv", endpoints = ""] = process.argv.slice(2);
const targets: Target[] = [];
/** In an object, since a variable that only `start` sets would seem constant where it is read. */
const present: { run: Run | null } = { run: null };

function report(line: Report): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** The connections live over all jobs of this process: connecting is not what is measured. */
async function start(job: Job): Promise<void> {
  while (targets.length < job.connections) {
    targets.push(await connectTarget(kind as TargetKind, endpoints.split(","), job.timeoutMs));
  }
  const run = new Run(job, targets.slice(0, job.connections), report);
  present.run = run;
  report({ kind: "result", ...(await run.execute()) });
}

report({ kind: "ready" });
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as Job | Control;
  if ("mark" in message) present.run?.mark(message.mark);
  else if ("stop" in message) present.run?.stop();
  else {
    start(message).catch((error: unknown) => {
      process.stderr.write(`error: ${(error as Error).stack ?? String(error)}\n`);
      process.exit(1);
    });
  }
}
await Promise.all(targets.map((target) => target.close()));
