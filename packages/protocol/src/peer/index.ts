export {
  LANES,
  PEER_NAME_HEADER,
  PEER_HELLO_BYTES_MAX,
  PEER_PATH,
  PEER_VERSION_MAX,
  PEER_VERSION_MIN,
  decodePeerHello,
  decodePeerWelcome,
  encodePeerHello,
  encodePeerRefusal,
  encodePeerWelcome,
  type Lane,
  type PeerHello,
  type PeerIdentity,
  type PeerMember,
  type PeerRefusalCode,
  type PeerWelcome,
} from "./hello.js";
export {
  decodePeerFrame,
  encodePeerFrame,
  peerMessageToWire,
  type PeerAppendRequest,
  type PeerFrame,
  type PeerMessage,
  type WirePeerMessage,
} from "./messages.js";
export { encodeStateHash, type StateHashMessage } from "./state-hash.js";
export {
  decodeDataMessage,
  decodeSnapshotMessage,
  encodeSnapshotMessage,
  type SnapshotBody,
  type SnapshotMessage,
} from "./snapshot.js";
