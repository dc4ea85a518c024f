import type { ServerResponse } from "node:http";
import { rest } from "./rest.js";

interface Waiting {
  readonly response: ServerResponse;
  readonly answer: () => void;
}

/**
 * HTTP requests one by one, with a rest behind each: the metrics alone take some milliseconds, and whoever asks for them without end
 * must not take the node from its clients (C5, C7). How many may wait is the door's to say.
 */
export class HttpTurns {
  #waiting: Waiting[] = [];
  #isResting = false;

  add(response: ServerResponse, answer: () => void): void {
    if (this.#isResting) this.#waiting.push({ response, answer });
    else this.#begin(answer);
  }

  #begin(answer: () => void): void {
    this.#isResting = true;
    rest(() => this.#next());
    answer();
  }

  #next(): void {
    this.#isResting = false;
    // Whoever went away meanwhile costs nothing more.
    let next = this.#waiting.shift();
    while (next?.response.destroyed === true) next = this.#waiting.shift();
    if (next !== undefined) this.#begin(next.answer);
  }
}
