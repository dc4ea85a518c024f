import type { Server } from "node:http";
import { ListenError } from "./errors.js";
import { formatHostPort } from "./host-port.js";
import type { HostPort } from "./host-port.js";

/** @throws {ListenError} names the address and why, as with a port in use. */
export async function listen(server: Server, address: HostPort): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void =>
      reject(new ListenError(formatHostPort(address), error));
    server.once("error", failed);
    server.listen(address.port, address.host, () => {
      server.off("error", failed);
      resolve();
    });
  });
}
