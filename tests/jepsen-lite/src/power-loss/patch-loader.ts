import { readFileSync } from "node:fs";
import type { LoadHook } from "node:module";
import type { Patch } from "./patches.js";

const file = process.env["RAFTKV_TEST_PATCHES"];
if (file === undefined) throw new Error("RAFTKV_TEST_PATCHES names the file of the patches");
const patches = JSON.parse(readFileSync(new URL(file), "utf8")) as readonly Patch[];

/** Applies the patches to the text of the modules that they are for. */
export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const own = patches.filter((patch) => patch.url === url);
  if (own.length === 0) return loaded;
  let source = Buffer.from(loaded.source as Uint8Array).toString("utf8");
  for (const { original, replacement } of own) source = source.replace(original, () => replacement);
  return { ...loaded, source };
};
