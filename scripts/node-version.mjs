// Imported before anything else, so that an old Node.js is named and not some syntax error further on.
const [major, minor] = process.versions.node.split(".").map(Number);
const supported = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 23;
if (!supported) {
  throw new Error("raftkv needs Node.js 20.19, 22.12 or newer; this is " + process.versions.node);
}
