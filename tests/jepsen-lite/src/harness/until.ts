/** Waits for a condition, looking again every `everyMs`; fails naming it when it does not come true within the limit. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null>,
  { limitMs = 30_000, everyMs = 20 }: { readonly limitMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + limitMs;
  let last: unknown = null;
  for (;;) {
    try {
      const found = await look();
      if (found !== null) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`not within ${limitMs} ms: ${what}`, last === null ? undefined : { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
