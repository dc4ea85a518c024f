import type { Registry } from "prom-client";

/** Upper bounds in seconds; what took longer is in the last bucket, `+Inf`. */
const BOUNDS_SECONDS = [
  0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
];
const BOUNDS_MS = BOUNDS_SECONDS.map((seconds) => seconds * 1000);

/**
 * How long something takes, as a Prometheus histogram. Every write is observed, so this counts in a plain array, and makes
 * what Prometheus reads only when it asks.
 */
export class DurationHistogram {
  /** One more than there are bounds. */
  readonly #counts = new Float64Array(BOUNDS_MS.length + 1);
  #sumMs = 0;

  observe(durationMs: number): void {
    let at = 0;
    while (durationMs > (BOUNDS_MS[at] ?? Infinity)) at += 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#sumMs += durationMs;
  }

  register(registry: Registry, name: string, help: string): void {
    const metric = {
      name,
      help,
      type: "histogram",
      aggregator: "sum",
      get: () => ({ name, help, type: "histogram", aggregator: "sum", values: this.#values(name) }),
      reset: () => undefined,
    };
    // The registry asks nothing else of a metric.
    registry.registerMetric(metric as unknown as Parameters<Registry["registerMetric"]>[0]);
  }

  #values(name: string) {
    let count = 0;
    const buckets = [...this.#counts].map((inBucket, at) => {
      count += inBucket;
      return { metricName: `${name}_bucket`, labels: { le: BOUNDS_SECONDS[at] ?? "+Inf" }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, value: this.#sumMs / 1000 },
      { metricName: `${name}_count`, labels: {}, value: count },
    ];
  }
}
