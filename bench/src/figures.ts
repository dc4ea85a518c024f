import type { Histogram } from "hdr-histogram-js";
import type { LoadShape } from "./load.js";

export interface NodeFigures {
  readonly name: string;
  /** CPU seconds used for each second of the measured time: 1 is one whole core. */
  readonly cores: number;
  readonly residentBytes: number;
}

/** What a run found. Written as it stands to the file of --json. */
export interface Figures {
  readonly shape: LoadShape;
  readonly seconds: number;
  readonly puts: number;
  readonly putsPerSecond: number;
  readonly latencyMicros: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly errors: Readonly<Record<string, number>>;
  /** Empty for a cluster that was not started here, and where there is no /proc. */
  readonly nodes: readonly NodeFigures[];
  readonly loadGeneratorCores: number;
}

export function latenciesOf(histogram: Histogram): Figures["latencyMicros"] {
  return {
    p50: histogram.getValueAtPercentile(50),
    p99: histogram.getValueAtPercentile(99),
    max: histogram.maxValue,
  };
}

/** A few lines for people. */
export function describeFigures(figures: Figures): string {
  const { shape, latencyMicros, errors, nodes } = figures;
  const millis = (micros: number): string => `${(micros / 1000).toFixed(2)} ms`;
  const failed = Object.entries(errors).map(([code, count]) => `${count} ${code}`);
  const lines = [
    `${shape.clients} clients over ${shape.connections} connections, values of ${shape.valueBytes} bytes, ${shape.keys} keys`,
    `puts      ${Math.round(figures.putsPerSecond)}/s (${figures.puts} in ${figures.seconds.toFixed(1)} s)`,
    `latency   p50 ${millis(latencyMicros.p50)}, p99 ${millis(latencyMicros.p99)}, max ${millis(latencyMicros.max)}`,
    `errors    ${failed.length === 0 ? "none" : failed.join(", ")}`,
    ...nodes.map(({ name, cores, residentBytes }) => {
      return `${name.padEnd(9)} ${cores.toFixed(2)} cores, ${Math.round(residentBytes / 1024 / 1024)} MiB resident`;
    }),
    `this load ${figures.loadGeneratorCores.toFixed(2)} cores`,
  ];
  return lines.join("\n");
}
