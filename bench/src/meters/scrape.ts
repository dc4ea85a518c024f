import { get } from "node:http";

const LIMIT_MS = 5_000;

/** Text of `http://ADDRESS/PATH`. @throws {Error} no answer, or not 200. */
export function httpText(address: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // A connection of its own: one that is kept alive would be a client that the benchmark does not count.
    const request = get(`http://${address}${path}`, { agent: false, timeout: LIMIT_MS }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.once("error", reject);
      response.once("end", () => {
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${address}${path} answered HTTP ${response.statusCode}`));
      });
    });
    request.once("timeout", () => request.destroy(new Error(`${address}${path} did not answer`)));
    request.once("error", reject);
  });
}

/** Sum over all label sets of each of the metrics, in Prometheus' text format; one that is not there counts 0. */
export async function scrape(address: string, names: readonly string[]): Promise<number[]> {
  const lines = (await httpText(address, "/metrics")).split("\n");
  return names.map((name) => {
    let sum = 0;
    for (const line of lines) {
      if (line.startsWith(name) && /^(?:\{[^}]*\})? /.test(line.slice(name.length))) {
        sum += Number(line.slice(line.lastIndexOf(" ") + 1));
      }
    }
    return sum;
  });
}
