/** What the log tells whoever opened it, for its log lines. Given in the order of happening. */
export type WalEvent =
  | {
      readonly kind: "opened";
      readonly dir: string;
      readonly epoch: number;
      readonly segments: number;
      readonly bytes: number;
      readonly groups: number;
    }
  /** The last batch was torn by a crash and is cut off. Nothing in it was acknowledged (W3). */
  | {
      readonly kind: "tail-cut";
      readonly file: string;
      readonly offset: number;
      readonly bytes: number;
      readonly expected: string;
      readonly found: string;
    }
  | { readonly kind: "segment-started"; readonly file: string; readonly number: number }
  /** Nothing in it was needed any more (W5). */
  | {
      readonly kind: "segment-deleted";
      readonly file: string;
      readonly number: number;
      readonly bytes: number;
    }
  | { readonly kind: "poisoned"; readonly error: Error };

export type WalEventHandler = (event: WalEvent) => void;
