/** What can stand in a `Timeouts`: it carries its own links, so that keeping time costs no object for each. */
export class Timed {
  /** `performance.now()` at which it is due. */
  dueAt = 0;
  previous: Timed | null = null;
  next: Timed | null = null;
}

/**
 * Many timeouts over one timer. Those of one duration come due in the order in which they were added, so each
 * duration has a list of its own: adding and removing cost the same however many there are. Requests of one client
 * mostly share one duration.
 */
export class Timeouts<T extends Timed> {
  readonly #onDue: (item: T) => void;
  /** Duration in milliseconds -> the head of a ring. */
  readonly #rings = new Map<number, Timed>();
  #timer: NodeJS.Timeout | null = null;
  #armedFor = Number.POSITIVE_INFINITY;

  constructor(onDue: (item: T) => void) {
    this.#onDue = onDue;
  }

  /** @param ms a whole number; a caller whose durations vary rounds them, for the sake of few lists. */
  add(item: T, ms: number): void {
    let head = this.#rings.get(ms);
    if (head === undefined) {
      head = new Timed();
      head.previous = head;
      head.next = head;
      this.#rings.set(ms, head);
    }
    item.dueAt = performance.now() + ms;
    const last = head.previous ?? head;
    item.previous = last;
    item.next = head;
    last.next = item;
    head.previous = item;
    if (item.dueAt < this.#armedFor) this.#arm(item.dueAt);
  }

  /** Does nothing when it is not in here. */
  remove(item: T): void {
    const { previous, next } = item;
    if (previous === null || next === null) return;
    previous.next = next;
    next.previous = previous;
    item.previous = null;
    item.next = null;
  }

  /** Empties it, without calling anything due, and returns what was in it. */
  drain(): T[] {
    const items: T[] = [];
    for (const head of this.#rings.values()) {
      for (let item = head.next; item !== null && item !== head; item = head.next) {
        this.remove(item as T);
        items.push(item as T);
      }
    }
    this.#rings.clear();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#armedFor = Number.POSITIVE_INFINITY;
    return items;
  }

  #arm(dueAt: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#armedFor = dueAt;
    this.#timer = setTimeout(() => this.#fire(), Math.max(1, Math.ceil(dueAt - performance.now())));
  }

  #fire(): void {
    this.#timer = null;
    this.#armedFor = Number.POSITIVE_INFINITY;
    const now = performance.now();
    const due: T[] = [];
    let earliest = Number.POSITIVE_INFINITY;
    for (const [ms, head] of this.#rings) {
      let first = head.next;
      while (first !== null && first !== head && first.dueAt <= now) {
        this.remove(first as T);
        due.push(first as T);
        first = head.next;
      }
      if (first === null || first === head) this.#rings.delete(ms);
      else earliest = Math.min(earliest, first.dueAt);
    }
    if (earliest < Number.POSITIVE_INFINITY) this.#arm(earliest);
    // A timer that fires late finds several lists due at once.
    due.sort((left, right) => left.dueAt - right.dueAt);
    // Outside of any change of state: what is called may add and remove.
    for (const item of due) this.#onDue(item);
  }
}
