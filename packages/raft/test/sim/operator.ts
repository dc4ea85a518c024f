import type { MemberChange, MembershipChange } from "../../dist/core/index.js";
import type { Cluster } from "./cluster.js";
import type { Context } from "./context.js";
import { nameServer, NO_MEMBERS, startOfLog } from "./entry.js";
import { SERVERS_MAX } from "./network.js";
import type { Random } from "./random.js";
import type { SimServer } from "./server.js";

/** Members that a group has at most, learners included. */
const MEMBERS_MAX = 7;

/** Runs the group: hands leadership over, adds and replaces members, switches leases. Often at the wrong moment. */
export class Operator {
  readonly #cluster: Cluster;
  readonly #context: Context;
  readonly #random: Random;
  #commands = 0;
  /** Servers that were members at some time. */
  readonly #seen = new Set<number>();
  #lastNumber: number;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#context = cluster.context;
    this.#random = cluster.context.random("operator");
    this.#lastNumber = cluster.context.parameters.servers;
  }

  run(): void {
    const { commands, operatorMicros } = this.#context.parameters;
    if (operatorMicros === null) return;
    this.#context.after(this.#random.wait(operatorMicros), () => {
      if (this.#context.healed || this.#commands >= commands) return;
      this.#commands += 1;
      this.#act();
      this.run();
    });
  }

  #act(): void {
    // Mostly the leader is asked, now and then somebody who has to refuse.
    const leader = this.#cluster.leader();
    const asked =
      leader !== null && this.#random.chance(0.9) ? leader : this.#random.pick(this.#cluster.present());
    const { leaseChanges, memberChanges } = this.#context.parameters;
    if (leaseChanges && this.#random.chance(0.2)) this.#changeLease(asked);
    else if (memberChanges && this.#random.chance(0.7)) this.#changeMembers(asked);
    else this.#transfer(asked);
  }

  #transfer(asked: SimServer): void {
    this.#context.count("transfers");
    const to = this.#random.chance(0.5) ? null : this.#random.pick(this.#cluster.present()).id;
    asked.arrive({ kind: "transferLeadership", to });
  }

  #changeLease(asked: SimServer): void {
    const { faults, lease, electionTimeoutTicks, tickMicros } = this.#context.parameters;
    const electionTimeoutMicros = electionTimeoutTicks * tickMicros * this.#random.pick([1, 1, 2]);
    const marginPercent =
      lease?.marginPercent ?? Math.max(1, Math.ceil((200 * faults.drift) / (1 + faults.drift)));
    const isOn = this.#random.chance(0.5);
    asked.arrive({ kind: "changeLease", lease: isOn ? { electionTimeoutMicros, marginPercent } : null });
  }

  #changeMembers(asked: SimServer): void {
    const { status } = asked;
    if (status === null) return;
    const { voters, outgoing, learners } = status.configuration;
    this.#wipeRemoved();
    if (outgoing.length > 0 && this.#random.chance(0.8)) {
      asked.arrive({ kind: "leaveJoint" });
      return;
    }
    const members: MemberChange[] = [];
    const total = voters.length + learners.length;
    if (learners.length > 0 && this.#random.chance(0.6)) {
      members.push({ kind: "promote", id: this.#random.pick(learners) });
    } else if (total < MEMBERS_MAX && this.#lastNumber < SERVERS_MAX - 2 && this.#random.chance(0.6)) {
      members.push(this.#join());
    }
    if (voters.length > 1 && this.#random.chance(members.length === 0 ? 0.9 : 0.4)) {
      // Half of the time the leader itself: it has to manage its own removal.
      const id = this.#random.chance(0.5) && voters.includes(asked.id) ? asked.id : this.#random.pick(voters);
      members.push(this.#random.chance(0.75) ? { kind: "remove", id } : { kind: "demote", id });
    }
    if (members.length === 0) return;
    this.#context.count("membershipChanges");
    const joint: MembershipChange["joint"] = this.#random.pick(["auto", "auto", "always", "manual"]);
    asked.arrive({ kind: "changeMembership", change: { members, joint } });
  }

  /** A new server, with an empty disk and a name that nobody ever had (R25). */
  #join(): MemberChange {
    this.#lastNumber += 1;
    const witness = this.#context.parameters.witnesses > 0 && this.#random.chance(0.3);
    this.#cluster.addServer(this.#lastNumber, startOfLog(NO_MEMBERS), witness).start();
    return { kind: "addLearner", id: nameServer(this.#lastNumber), witness };
  }

  /** Whoever is a member of nothing any more may be wiped; often it just goes on running. */
  #wipeRemoved(): void {
    const inUse = this.#cluster.membersAnywhere();
    for (const server of this.#cluster.present()) {
      if (inUse.has(server.id)) this.#seen.add(server.number);
      // One that no log names yet may be about to join.
      else if (this.#seen.has(server.number) && this.#random.chance(0.3)) server.retire();
    }
  }
}
