import { Packr } from "msgpackr";

/** As the client protocol's codec: no records, so that every message stands alone. */
const packr = new Packr({ useRecords: false, copyBuffers: true });

/** What one turn of the event loop collected: number of the request, key, value. */
export type Requests = readonly (readonly [number, string, Uint8Array])[];
/** Numbers of the requests that are done. */
export type Answers = readonly number[];

export const encode = (frame: Requests | Answers): Buffer => packr.pack(frame);
export const decodeRequests = (frame: Buffer): Requests => packr.unpack(frame) as Requests;
export const decodeAnswers = (frame: Buffer): Answers => packr.unpack(frame) as Answers;

export const SOCKET_OPTIONS = { perMessageDeflate: false, maxPayload: 64 * 1024 * 1024 } as const;
