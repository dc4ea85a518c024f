import { LOG_FORMAT } from "@raftkv/fsm";
import type { Store } from "@raftkv/store";
import type { LogWriter } from "raft-ts";
import { WriteAdmission } from "./client/admission.js";
import { ClientListener } from "./client/listener.js";
import { KeyValueService } from "./client/key-value-service.js";
import { ReplicaDiffersError } from "./errors.js";
import { DiskSpace } from "./disk-space.js";
import { Formation, memberAddresses, whyNotFormed } from "./formation.js";
import { HandOver } from "./group/hand-over.js";
import { leave } from "./group/leave.js";
import { inflightBytesMax, tellOfRaisedLimit } from "./group/inflight-bytes.js";
import { FIRST_GROUP, openGroup } from "./group/open-group.js";
import type { OpenedGroup } from "./group/open-group.js";
import { formatHostPort } from "./host-port.js";
import { httpRoutes } from "./http-routes.js";
import { openRecord, removedError } from "./identity.js";
import { clientLimits, commandLimits, listenerLimits, segmentBytes, unreadBytesMax } from "./limits.js";
import type { Logger } from "./logger.js";
import { createMetrics } from "./metrics.js";
import { ClientTraffic } from "./metrics/client-traffic.js";
import type { Timings } from "./metrics/timings.js";
import type { NodeOptions } from "./options.js";
import { PeerTransport } from "./peer/transport.js";
import type { NodeParts, RunningNode } from "./running-node.js";
import { nodeStatus } from "./status.js";
import type { NodeStatus } from "./status.js";
import { withResolvers } from "./with-resolvers.js";
import { readQuarantine, saveQuarantine } from "./quarantine.js";
import { noWatches } from "./watch/refusal.js";
import { Watches } from "./watch/watches.js";

interface Serving extends OpenedGroup {
  readonly log: LogWriter;
  /** Null at a witness, and for the moment in which a snapshot takes its place (S10). */
  readonly store: Store | null;
}

/** A node of which the log is open; see `startNode`. */
export class Node implements RunningNode {
  readonly name: string;
  readonly ended: Promise<void>;
  readonly #options: NodeOptions;
  readonly #logger: Logger;
  readonly #log: LogWriter;
  readonly #formation: Formation;
  readonly #transport: PeerTransport;
  readonly #admission: WriteAdmission;
  readonly #space: DiskSpace;
  readonly #watches: Watches;
  readonly #service: KeyValueService;
  readonly #clients: ClientListener;
  readonly #traffic = new ClientTraffic();
  readonly #timings: Timings;
  readonly #metrics: ReturnType<typeof createMetrics>;
  #serving: Serving | null = null;
  #opening: Promise<void> | null = null;
  #ticker: NodeJS.Timeout | null = null;
  #failure: Error | null = null;
  #closing: Promise<void> | null = null;
  readonly #end = withResolvers();

  constructor(options: NodeOptions, parts: NodeParts, logger: Logger, log: LogWriter, timings: Timings) {
    this.name = options.name;
    this.#options = options;
    this.#logger = logger;
    this.#log = log;
    this.#timings = timings;
    this.ended = this.#end.promise;
    this.#formation = new Formation(options, openRecord(options, log.groups().length > 0), {
      logFormat: parts.logFormat ?? LOG_FORMAT,
      onFormed: () => this.#formed(),
      onMembers: () => this.#membersChanged(),
      onRemoved: () => this.#removed(),
    });
    this.#transport = new PeerTransport({
      options,
      formation: this.#formation,
      logger,
      onFrame: (frame) => {
        if (frame.group === FIRST_GROUP) this.#serving?.group.receive(frame);
      },
      onDataMessage: (peer, message) => {
        if (message.group !== FIRST_GROUP) return;
        if (message.kind === "stateHash") this.#serving?.data?.hashChecks.received(peer, message);
        else this.#serving?.group.snapshotMessage(peer, message);
      },
      onConnectionLost: (peer) => this.#serving?.group.happened({ kind: "connectionLost", peer }),
      onUnreachable: (peer) => this.#serving?.group.happened({ kind: "unreachable", peer }),
      onMet: ({ advertiseClient, name, serverId }, address) =>
        this.#serving?.group.members.met(name, serverId, address, advertiseClient),
      onRemoved: () => this.#removed(),
    });
    this.#admission = new WriteAdmission({
      limitBytes: inflightBytesMax(options),
      group: () => this.#serving?.group ?? null,
      space: () => this.#space,
    });
    this.#space = new DiskSpace({
      directory: options.dataDir,
      segmentBytes: segmentBytes(options),
      reserveBytes: options.spaceReserveBytes,
      checkIntervalMs: options.spaceCheckMs,
      inflightBytes: () => Math.max(this.#admission.budget.inflightBytes, log.stats().queuedBytes),
      logger,
      onFull: () => this.#admission.spaceLost(),
      statfs: parts.statfs,
    });
    const limits = clientLimits(options);
    this.#watches = new Watches({
      limits: {
        frameBytes: limits.frameBytes,
        unsentBytes: Math.min(options.watchUnreadBytes, unreadBytesMax(options) >> 1),
      },
      watchesPerConnection: limits.watchesPerConnection,
      progressMs: options.watchProgressMs,
      store: () => this.#servingNow()?.store ?? null,
      whyNot: () => noWatches(this.#servingNow(), () => this.#whyNot()),
      onFailed: (error) => this.fail(error),
    });
    this.#metrics = createMetrics({
      node: options.name,
      fsmSyncMode: options.fsmSyncMode,
      serving: () => this.#serving,
      clients: () => this.#clients,
      peers: () => this.#transport.accepted,
      budget: () => this.#admission.budget,
      space: () => this.#space,
      watches: this.#watches,
      traffic: this.#traffic,
      timings: this.#timings,
      proposed: () => this.#admission.proposed,
      rangesWaiting: () => this.#service.rangesWaiting,
      tickMs: options.tickMs,
      nameOf: (id) => this.#formation.member(id)?.name ?? id,
      failure: () => this.#failure,
    });
    this.#service = this.#keyValueService();
    this.#clients = this.#clientListener();
  }

  /** As it stands in every log line. */
  get term(): number {
    return this.#serving?.group.term ?? this.#log.recovered(FIRST_GROUP)?.hardState.currentTerm ?? 0;
  }

  async listen(): Promise<void> {
    await this.#space.watch();
    const quarantine = readQuarantine(this.#options.dataDir);
    if (quarantine !== null) {
      // Nobody hears of it but those who ask how it is.
      this.#stopServing(quarantine);
      await this.#clients.listen();
      return;
    }
    await this.#transport.listen();
    await this.#clients.listen();
    tellOfRaisedLimit(this.#options, this.#logger);
    const { advertiseClient, advertisePeer, members } = this.#formation.identity();
    this.#logger.info(
      { client: advertiseClient, peer: advertisePeer, serverId: this.#formation.record.serverId },
      `listening: clients at ${advertiseClient}, peers at ${advertisePeer}`,
    );
    if (this.#formation.formed) this.#formed();
    else {
      this.#formation.start();
      if (!this.#formation.formed) {
        const known = members.filter(({ serverId }) => serverId !== null).length;
        this.#logger.info({ known }, this.#whyNot());
      }
    }
    this.#transport.connect();
  }

  status(): Promise<NodeStatus> {
    return nodeStatus(this.#statusSource(), true);
  }

  get endpoint(): string {
    return formatHostPort(this.#options.advertiseClient);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  kill(): Promise<void> {
    if (this.#failure === null && this.#closing === null) {
      this.#failure = new Error("it was killed");
      this.#clients.terminate();
      this.#halt();
      void this.#transport.close();
    }
    return this.close();
  }

  #keyValueService(): KeyValueService {
    return new KeyValueService({
      limits: clientLimits(this.#options),
      commandLimits: commandLimits(this.#options),
      requestTimeoutMs: this.#options.requestTimeoutMs,
      identity: () => ({
        clusterId: this.#formation.record.clusterId ?? "",
        nodeName: this.name,
        leader: this.#serving?.group.leader ?? null,
        members: memberAddresses(this.#formation),
      }),
      admission: this.#admission,
      watches: this.#watches,
      serving: () => this.#servingNow(),
      whyNot: () => this.#whyNot(),
      timings: this.#timings,
      onFailed: (error) => this.fail(error),
    });
  }

  #clientListener(): ClientListener {
    return new ClientListener({
      listen: this.#options.listenClient,
      limits: listenerLimits(this.#options),
      logRepeatMs: this.#options.logRepeatMs,
      service: this.#service,
      logger: this.#logger,
      traffic: this.#traffic,
      onRequest: httpRoutes({
        ...this.#statusSource(),
        metrics: this.#metrics.registry,
        snapshots: () => this.#servingNow()?.data?.snapshots ?? null,
      }),
    });
  }

  /** A node that knows itself broken answers nothing (W1). */
  #servingNow(): Serving | null {
    return this.#failure === null ? this.#serving : null;
  }

  #whyNot(): string {
    if (this.#failure !== null) return `this node does not serve: ${this.#failure.message}`;
    return whyNotFormed(this.#formation);
  }

  #statusSource() {
    return {
      options: this.#options,
      formation: this.#formation,
      space: () => this.#space,
      serving: () => this.#serving,
      failure: () => this.#failure,
    };
  }

  /** Every member knows every other: from here on this node may vote and store (R25). */
  #formed(): void {
    // A peer's hello can complete the cluster while `listen` is under way, which then finds it formed as well.
    if (this.#opening !== null) return;
    this.#transport.formed();
    this.#logger.info({ clusterId: this.#formation.record.clusterId }, "the cluster has formed");
    this.#opening = this.#open().catch((error: unknown) => this.fail(error));
  }

  /** The others are dialled where they are now, and clients know whom else they may ask. */
  #membersChanged(): void {
    this.#transport.connect();
    this.#clients.tellMembers(memberAddresses(this.#formation));
  }

  /** The cluster goes on without this server: it must not serve or campaign any more, now or after a restart (R25). */
  #removed(): void {
    if (this.#failure !== null || this.#closing !== null) return;
    this.#formation.removed();
    this.#failure = removedError(this.name);
    this.#logger.error(this.#failure.message);
    // What it has just answered, that it was removed among it, is still sent.
    this.close().catch(this.#end.reject);
  }

  async #open(): Promise<void> {
    const opened = await openGroup({
      id: FIRST_GROUP,
      options: this.#options,
      record: this.#formation.record,
      log: this.#log,
      logger: this.#logger,
      timings: this.#timings,
      space: this.#space,
      send: (peer, lane, bytes) => this.#transport.send(peer, lane, bytes),
      logFormat: this.#formation.identity().logFormat,
      logFormatOf: (server) => this.#transport.logFormatOf(server),
      hintOf: (server, term) => this.#formation.hintOf(server, term),
      places: this.#formation,
      onConfiguration: (configuration, index, isCommitted) =>
        this.#formation.configured(configuration, index, isCommitted),
      onLeaderChanged: (leader) => {
        this.#metrics.leaderSeen(leader?.name ?? null);
        this.#clients.tellLeader(leader);
        if (this.#serving?.group.leads !== true) this.#admission.leadershipLost(leader);
      },
      onApplied: () => this.#applied(),
      onFailed: (error) => this.fail(error),
      onDiffers: (error) => this.#quarantine(error),
    });
    this.#formation.begun();
    this.#serving = {
      ...opened,
      log: this.#log,
      get store() {
        return opened.data?.replica.store ?? null;
      },
    };
    if (this.#failure !== null) {
      // The log failed while the group was opened.
      opened.group.halt();
      return;
    }
    this.#applied();
    const handOver = new HandOver(opened.group);
    this.#ticker = setInterval(() => {
      const nowMs = performance.now();
      opened.group.tick(nowMs);
      handOver.tick(nowMs, this.#space.admits);
      this.#admission.expire(nowMs);
      this.#watches.tick(nowMs);
    }, this.#options.tickMs);
  }

  #applied(): void {
    this.#watches.applied();
    const logFormat = this.#serving?.data?.logFormat ?? this.#formation.logFormat;
    if (logFormat === this.#formation.logFormat) return;
    this.#formation.logFormatRaised(logFormat);
    this.#logger.info({ logFormat }, `the log has format ${logFormat}`);
  }

  /** A broken log, store or invariant: this node must not serve, vote or acknowledge any more (R17, W1, F4). */
  fail(error: unknown): void {
    if (!this.#stopServing(error)) return;
    // The others see their connections drop, and elect another leader at once.
    void this.#transport.close();
    this.#end.reject(error);
  }

  /** The process stays, to tell whoever asks; it never takes part again, after a restart neither. */
  #quarantine(error: ReplicaDiffersError): void {
    if (!this.#stopServing(error)) return;
    this.#transport.leave();
    void this.#sayFarewell();
    try {
      saveQuarantine(this.#options.dataDir, error);
      this.#clients.disconnect();
    } catch (failed) {
      this.#end.reject(failed);
    }
  }

  /** What it holds is the last that the others hear of it. */
  async #sayFarewell(): Promise<void> {
    await this.#serving?.data?.hashChecks.farewell();
    await this.#transport.close();
  }

  /** False when it had stopped already. */
  #stopServing(error: unknown): boolean {
    if (this.#failure !== null) return false;
    this.#failure = error as Error;
    this.#halt();
    this.#logger.fatal({ error: (error as Error).stack }, `this node stops: ${(error as Error).message}`);
    return true;
  }

  #halt(): void {
    this.#admission.close();
    this.#serving?.group.halt();
    if (this.#ticker !== null) clearInterval(this.#ticker);
  }

  async #close(): Promise<void> {
    await this.#opening;
    const serving = this.#serving;
    const { electionTimeoutMs } = this.#options;
    const hasFailed = (): boolean => this.#failure !== null;
    if (serving !== null && !hasFailed())
      await leave(serving.group, { electionTimeoutMs, transport: this.#transport, hasFailed });
    if (this.#ticker !== null) clearInterval(this.#ticker);
    this.#space.close();
    this.#admission.close();
    await serving?.group.stop();
    await this.#clients.close();
    await this.#transport.close();
    const sound = this.#failure === null;
    await serving?.data?.replica.close({ checkpoint: sound ? serving.whenLogDurable : null });
    await this.#log.close();
    this.#logger.info("stopped");
    // Without effect when it failed before.
    const isToldWhy = this.#formation.record.removed || this.#failure instanceof ReplicaDiffersError;
    if (isToldWhy) this.#end.reject(this.#failure);
    else this.#end.resolve();
  }
}
