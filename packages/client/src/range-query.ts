import { singleKey } from "@raftkv/protocol";
import type { KeyRange } from "@raftkv/protocol";
import type { Bytes } from "./bytes.js";
import { RangeCall } from "./calls/range-call.js";
import type { FoundPage } from "./calls/range-call.js";
import type { Dispatcher } from "./dispatcher.js";
import { toKeyRange } from "./key-range.js";
import type { Range } from "./key-range.js";
import type { KeyValue } from "./key-value.js";
import { toSelection } from "./operations.js";
import type { Selection } from "./operations.js";
import { isLinearizable, toCount, toMilliseconds, toSignal } from "./options.js";
import type { GetOptions, Settings } from "./options.js";

export interface RangeOptions extends GetOptions, Selection {
  /** Most keys that are asked for at once; none but the node's own limits when it is absent. */
  readonly pageSize?: number;
}

/** What a range holds. */
export interface RangeResult<K extends Bytes = Bytes> {
  /** At which it was read. */
  readonly revision: number;
  readonly entries: readonly KeyValue<K>[];
  /** Whether the limit left keys out. */
  readonly more: boolean;
}

/** Reads ranges: as many pages as it takes, all at the revision of the first. */
export class RangeReader {
  readonly #dispatcher: Dispatcher;
  readonly #settings: Settings;

  constructor(dispatcher: Dispatcher, settings: Settings) {
    this.#dispatcher = dispatcher;
    this.#settings = settings;
  }

  /** One page after the other, as they are asked for. */
  async *pages(keys: Bytes | Range, options: RangeOptions): AsyncGenerator<FoundPage, void, undefined> {
    const { range, asText } = toKeyRange(keys);
    const selection = toSelection(range, options);
    const linearizable = isLinearizable(options.consistency);
    const timeoutMs = toMilliseconds("timeoutMs", options.timeoutMs, this.#settings.timeoutMs);
    const pageSize = toCount("pageSize", options.pageSize, 0);
    const signal = toSignal(options.signal);
    let revision = toCount("revision", options.revision, 0);
    let left = selection.limit;
    let rest: KeyRange | null = range;
    while (rest !== null) {
      const limit = left === 0 || (pageSize > 0 && pageSize < left) ? pageSize : left;
      const call = new RangeCall({ ...selection, range: rest, limit, linearizable, revision }, asText);
      const page = (await this.#dispatcher.submit(call, timeoutMs, signal)) as FoundPage;
      yield page;
      const { lastKey } = page;
      if (!page.more || lastKey === null) return;
      if (left > 0) {
        left -= page.entries.length;
        if (left <= 0) return;
      }
      revision = page.revision;
      rest = behind(lastKey, rest, selection.order);
    }
  }

  async count(keys: Bytes | Range, options: GetOptions): Promise<number> {
    const { range, asText } = toKeyRange(keys);
    const page = {
      ...toSelection(range, {}, true),
      linearizable: isLinearizable(options.consistency),
      revision: toCount("revision", options.revision, 0),
    };
    const timeoutMs = toMilliseconds("timeoutMs", options.timeoutMs, this.#settings.timeoutMs);
    const call = new RangeCall(page, asText);
    const result = (await this.#dispatcher.submit(call, timeoutMs, toSignal(options.signal))) as FoundPage;
    return result.count ?? 0;
  }
}

/** What of a range comes after `key`, in the order in which it is read; null when nothing can. */
function behind(key: Uint8Array, range: KeyRange, order: "ascending" | "descending"): KeyRange | null {
  const start = order === "ascending" ? (singleKey(key).end ?? key) : range.start;
  const end = order === "ascending" ? range.end : key;
  return end !== null && Buffer.compare(start, end) >= 0 ? null : { start, end };
}
