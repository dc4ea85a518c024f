import { isIP } from "node:net";

/** Where something listens. An IPv6 address stands here without its brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

/** What `parseHostPort` takes, in the words of an error message. */
export const HOST_PORT_ALLOWED = "HOST:PORT with a port from 1 to 65535, as in 127.0.0.1:7401 or [::1]:7401";

/** Reads `host:port`, `[ipv6]:port`. Returns null for everything else. */
export function parseHostPort(text: string): HostPort | null {
  const match = /^(?:\[(?<ipv6>[^\]]+)\]|(?<host>[^:[\]]+)):(?<port>\d{1,5})$/.exec(text.trim());
  if (match?.groups === undefined) return null;
  const { ipv6, host, port } = match.groups;
  const number = Number(port);
  if (number < 1 || number > 65_535) return null;
  if (ipv6 !== undefined) return isIP(ipv6) === 6 ? { host: ipv6, port: number } : null;
  if (host === undefined) return null;
  // Digits and dots alone are meant as an address: 300.1.1.1 is no name.
  const valid = /^[\d.]+$/.test(host) ? isIP(host) === 4 : HOST_NAME.test(host);
  return valid ? { host, port: number } : null;
}

/** The text that `parseHostPort` reads back. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether nobody but this machine can reach the address (C9). A name counts only when it is `localhost`. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith("127.");
  return host === "::1" || host.toLowerCase() === "localhost";
}

/** Whether it stands for every address of the machine: good to listen on, of no use to those who want to connect. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || (isIP(host) === 6 && /^[0:]+$/.test(host));
}
