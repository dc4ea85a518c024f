/** The value of a metric without labels of its own. @throws the node does not answer, or has no such metric. */
export async function metricOf(endpoint: string, name: string): Promise<number> {
  const response = await fetch(`http://${endpoint}/metrics`, { signal: AbortSignal.timeout(10_000) });
  const found = new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, "m").exec(await response.text())?.[1];
  if (found === undefined) throw new Error(`${endpoint} has no metric ${name}`);
  return Number(found);
}
