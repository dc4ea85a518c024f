/** The value of a metric without labels of its own, as Prometheus would read it. */
export async function metric(endpoint: string, name: string): Promise<number> {
  const text = await (await fetch(`http://${endpoint}/metrics`)).text();
  const found = new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, "m").exec(text)?.[1];
  if (found === undefined) throw new Error(`${endpoint} has no metric ${name}`);
  return Number(found);
}
