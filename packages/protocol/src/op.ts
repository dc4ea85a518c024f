/** What a request asks for. A reply that answers it in full carries the same number. */
export const Op = {
  put: 1,
  get: 2,
  delete: 3,
  range: 4,
  txn: 5,
  leaseGrant: 6,
  leaseRevoke: 7,
  leaseKeepAlive: 8,
  leaseTimeToLive: 9,
  leaseList: 10,
  sessionOpen: 11,
  sessionClose: 12,
  sessionKeepAlive: 13,
  compact: 14,
  catalog: 15,
  catalogChange: 16,
  watch: 17,
  watchCancel: 18,
  memberList: 19,
  memberChange: 20,
  leaderTransfer: 21,
  leaderLeasesShow: 22,
  leaderLeasesSet: 23,
} as const;
export type Op = (typeof Op)[keyof typeof Op];

/** Flags of a put and of a delete. */
export const WRITE_WANTS_PREVIOUS = 1;

/** Flags of a range. */
export const RANGE_KEYS_ONLY = 1;
export const RANGE_COUNT_ONLY = 2;

/** Flags of a watch. */
export const WATCH_WANTS_PREVIOUS = 1;
export const WATCH_NO_PUT = 2;
export const WATCH_NO_DELETE = 4;
export const WATCH_PROGRESS = 8;

/** Flags of a watch frame. */
export const EVENTS_PROGRESS = 1;
export const EVENTS_MORE_OF_REVISION = 2;

/** The first field of a frame from a client. */
export const CLIENT_FRAME_REQUESTS = 1;

/** The first field of a frame from a node. */
export const NODE_FRAME_REPLIES = 1;
export const NODE_FRAME_LEADER = 2;
export const NODE_FRAME_EVENTS = 3;
export const NODE_FRAME_WATCH_END = 4;
export const NODE_FRAME_MEMBERS = 5;

/** Stands where a reply that answers in full has its operation. */
export const REPLY_ERROR = 0;
