import type { Scene } from "./scene.js";

/** What the node itself counts: whoever reads nothing does not hear of its end. */
export const CUT_BY_NODE = "cut, says the node";

/** One way in which a client can be bad to a node. */
export interface Misbehaviour {
  readonly name: string;
  /** In words. */
  readonly sends: string;
  /** What the node must log of it; null where nothing is wrong with any single request, so that it is answered. */
  readonly logLine: RegExp | null;
  /** Ends of which there must be some. */
  readonly mustSee: readonly string[];
  /** What it takes to get there; it ends by itself before. */
  readonly secondsMin?: number;
  readonly run: (scene: Scene) => Promise<void>;
}
