import { isLoopback } from "./address.js";

/** How a new member is started, as `member add` tells it. @param peer where the others reach it. */
export function startLine(name: string, peer: string, { witness }: { readonly witness: boolean }): string {
  const flags = [...(witness ? ["--witness"] : []), ...(isLoopback(peer) ? [] : ["--insecure"])];
  return [
    `raftkv node start --name ${name} --join`,
    ...flags,
    `--listen-peer ${peer} --listen-client HOST:PORT --data-dir DIR`,
  ].join(" ");
}
