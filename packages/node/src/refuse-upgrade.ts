import type { Duplex } from "node:stream";

/**
 * Node.js takes its own listener off a socket that asks for an upgrade, and an error that nobody listens to ends the
 * process: so a client that resets the connection would take the node down (C6, J).
 */
export function refuseUpgrade(socket: Duplex, response: string): void {
  socket.on("error", () => socket.destroy());
  socket.once("finish", () => socket.destroy());
  socket.end(response);
}
