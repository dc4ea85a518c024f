import { Counter, Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** A figure that some part keeps anyway, read when Prometheus asks. */
export function gauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => number | Promise<number>,
): void {
  const metric = new Gauge({
    name,
    help,
    registers: [],
    async collect() {
      this.set(await read());
    },
  });
  registry.registerMetric(metric);
}

/** As `gauge`, of something that only grows. */
export function counter(registry: Registry, name: string, help: string, read: () => number): void {
  const metric = new Counter({
    name,
    help,
    registers: [],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
  registry.registerMetric(metric);
}
