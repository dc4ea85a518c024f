type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** A histogram at one moment: how many observations were at most as large as each bound, in seconds. */
export interface Buckets {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

const LINE = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** What `/metrics` says, as far as `top` looks at it. */
export class MetricsText {
  readonly #samples = new Map<string, Sample[]>();

  constructor(text: string) {
    for (const line of text.split("\n")) {
      const { labels = "", name, value } = LINE.exec(line)?.groups ?? {};
      if (name === undefined || value === undefined) continue;
      const found = [...labels.matchAll(LABEL)].map(([, key = "", said = ""]) => [key, said] as const);
      const samples = this.#samples.get(name) ?? [];
      samples.push({ labels: Object.fromEntries(found), value: value === "+Inf" ? Infinity : Number(value) });
      this.#samples.set(name, samples);
    }
  }

  /** Null when there is no such figure. */
  value(name: string): number | null {
    return this.#samples.get(name)?.[0]?.value ?? null;
  }

  /** Of all that have one of these values for the label; without values, of all. */
  sum(name: string, label = "", values: readonly string[] = []): number {
    const wanted = (this.#samples.get(name) ?? []).filter(
      ({ labels }) => values.length === 0 || values.includes(labels[label] ?? ""),
    );
    return wanted.reduce((total, { value }) => total + value, 0);
  }

  /** By the value of the label. */
  byLabel(name: string, label: string): ReadonlyMap<string, number> {
    return new Map((this.#samples.get(name) ?? []).map(({ labels, value }) => [labels[label] ?? "", value]));
  }

  buckets(name: string): Buckets {
    const samples = (this.#samples.get(`${name}_bucket`) ?? []).map(({ labels, value }) => ({
      bound: labels["le"] === "+Inf" ? Infinity : Number(labels["le"]),
      value,
    }));
    samples.sort((a, b) => a.bound - b.bound);
    return { bounds: samples.map(({ bound }) => bound), counts: samples.map(({ value }) => value) };
  }
}

/** What was observed between two moments. */
export function bucketsBetween(before: Buckets, now: Buckets): Buckets {
  return { bounds: now.bounds, counts: now.counts.map((count, at) => count - (before.counts[at] ?? 0)) };
}

/** Of several nodes together. */
export function bucketsTogether(all: readonly Buckets[]): Buckets {
  const bounds = all.find((buckets) => buckets.bounds.length > 0)?.bounds ?? [];
  return {
    bounds,
    counts: bounds.map((_, at) => all.reduce((total, { counts }) => total + (counts[at] ?? 0), 0)),
  };
}

/** In seconds, interpolated within its bucket; null when nothing was observed. Never more than the last bound that is a number. */
export function quantile({ bounds, counts }: Buckets, share: number): number | null {
  const total = counts.at(-1) ?? 0;
  if (total <= 0) return null;
  const wanted = share * total;
  const at = counts.findIndex((count) => count >= wanted);
  const upper = bounds[at] ?? 0;
  const lower = bounds[at - 1] ?? 0;
  if (upper === Infinity) return lower;
  const below = counts[at - 1] ?? 0;
  const inside = (counts[at] ?? 0) - below;
  return inside === 0 ? upper : lower + ((upper - lower) * (wanted - below)) / inside;
}
