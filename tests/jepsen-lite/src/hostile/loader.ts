// The process that misbehaves: `node loader.js HOST:PORT CONNECTIONS NUMBER SECONDS CORE-SHARE`. Says over its
// channel that it is ready, begins when it is told to, and prints what it saw as one line of JSON.
import { once } from "node:events";
import { misbehaviours } from "./misbehaviours.js";
import { Scene } from "./scene.js";

const [target = "", connections = "", number = "", seconds = "", share = ""] = process.argv.slice(2);
const [host = "", port = ""] = target.split(":");
const misbehaviour = misbehaviours(Number(connections))[Number(number)];
if (misbehaviour === undefined) throw new Error(`there is no misbehaviour ${number}`);
process.send?.("ready");
await once(process, "message");
process.disconnect();
const scene = new Scene({
  target: { host, port: Number(port) },
  seconds: Number(seconds),
  coreShare: Number(share),
});
await misbehaviour.run(scene);
process.stdout.write(`${JSON.stringify({ ends: scene.ends, cores: scene.coresUsed })}\n`);
process.exit();
