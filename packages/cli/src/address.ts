// Addresses are texts, `host:port` or `[ipv6]:port`: only what dials or listens takes them apart. Loading @raftkv/node
// for its parser would make every `kv get` take half as long again.

export interface AddressParts {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

function urlOf(text: string): URL | null {
  if (!/^[^/?#@\\\s]+:\d{1,5}$/.test(text) || !URL.canParse(`http://${text}`)) return null;
  return new URL(`http://${text}`);
}

/** Null when it is no address with a port from 1 to 65535. */
export function splitAddress(text: string): AddressParts | null {
  const url = urlOf(text);
  const port = Number(text.slice(text.lastIndexOf(":") + 1));
  return url === null || port < 1 ? null : { host: url.hostname.replaceAll(/^\[|\]$/g, ""), port };
}

/** The address as it is compared and shown, or null when it is none. */
export function normalAddress(text: string): string | null {
  const parts = splitAddress(text);
  if (parts === null) return null;
  return parts.host.includes(":") ? `[${parts.host}]:${parts.port}` : `${parts.host}:${parts.port}`;
}

/** Whether nobody but this machine can reach it: a node may listen there without `--insecure` (C9). */
export function isLoopback(address: string): boolean {
  const host = splitAddress(address)?.host ?? "";
  return /^127(?:\.\d+){3}$/.test(host) || host === "::1" || host === "localhost";
}
