/** A promise, and what settles it. Whoever wants to know looks at it when it likes: nobody has to. */
export function withResolvers(): {
  promise: Promise<void>;
  resolve: () => void;
  reject: (error: unknown) => void;
} {
  let settle: { resolve: () => void; reject: (error: unknown) => void } | null = null;
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  promise.catch(() => undefined);
  if (settle === null) throw new Error("a promise's executor runs at once");
  return { promise, ...(settle as { resolve: () => void; reject: (error: unknown) => void }) };
}
