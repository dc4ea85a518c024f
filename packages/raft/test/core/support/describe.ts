import { formatConfiguration, unreachable } from "../../../dist/core/index.js";
import type { Message, Ready, TermRun } from "../../../dist/core/index.js";
import type { Server, Word } from "./server.js";

/** One message as a line of a transcript. */
export function describeMessage(message: Message): string {
  return `${message.from} -> ${message.to}  ${body(message)}`;
}

function body(message: Message): string {
  const { term } = message;
  switch (message.kind) {
    case "preVoteRequest":
      return `preVote? in term ${term}, log ends ${message.lastLogIndex}@${message.lastLogTerm}`;
    case "preVoteResponse":
      return `preVote ${message.granted ? "yes" : "no"}, term ${term}`;
    case "voteRequest": {
      const transfer = message.transfer ? ", the leader asked for it" : "";
      return `vote? in term ${term}, log ends ${message.lastLogIndex}@${message.lastLogTerm}${transfer}`;
    }
    case "voteResponse":
      return `vote ${message.granted ? "yes" : "no"}, term ${term}`;
    case "appendRequest": {
      const entries = message.entries.from === message.entries.to ? "nothing" : runs(message.entries.runs);
      return `append ${entries} behind ${message.prevLogIndex}@${message.prevLogTerm}, term ${term}, commit ${message.commitIndex}`;
    }
    case "appendResponse":
      return message.success
        ? `has ${message.matchIndex}, term ${term}`
        : `refused behind ${message.prevLogIndex}, may agree at ${message.hintIndex}@${message.hintTerm}, term ${term}`;
    case "heartbeatRequest":
      return `heartbeat, term ${term}, commit ${message.commitIndex}${round(message.readRound)}`;
    case "heartbeatResponse":
      return `heard, term ${term}${round(message.readRound)}`;
    case "commitNotice":
      return `commit ${message.commitIndex}, term ${term}`;
    case "readIndexRequest":
      return `readIndex?${round(message.readRound)}`;
    case "readIndexResponse":
      return `readIndex ${message.readIndex}${round(message.readRound)}`;
    case "timeoutNow":
      return `campaign now, at ${message.lastLogIndex}, term ${term}`;
    case "installSnapshot": {
      const { index, term: baseTerm, configuration } = message.base;
      const data = message.withData ? "" : ", without data";
      return `snapshot ${index}@${baseTerm} of ${formatConfiguration(configuration)}${data}, term ${term}`;
    }
    default:
      return unreachable(message);
  }
}

/** What a Ready asks of its shell, messages left out: those are told when they arrive. */
export function describeReady({ id }: Server, ready: Ready<Word>): string[] {
  const lines: string[] = [];
  const { softState, write, apply, appended, reads, rejected, refused, snapshots } = ready;
  if (softState !== null)
    lines.push(
      `${id} ${softState.role} in term ${softState.currentTerm}, leader ${softState.leader ?? "unknown"}`,
    );
  for (const { configuration, firstIndex } of appended) {
    if (configuration !== null)
      lines.push(`${id} appends ${firstIndex}: ${formatConfiguration(configuration)}`);
  }
  for (const { reason } of rejected) lines.push(`${id} rejects: ${reason}`);
  for (const { command, reason } of refused) lines.push(`${id} refuses ${command}: ${reason}`);
  for (const task of snapshots)
    lines.push(
      `${id} ${task.kind}s ${task.kind === "discard" ? "a snapshot" : `snapshot ${task.base.index}@${task.base.term}`}`,
    );
  if (write !== null) {
    const parts: string[] = [];
    if (write.hardState !== null)
      parts.push(`term ${write.hardState.currentTerm} vote ${write.hardState.votedFor ?? "none"}`);
    if (write.base !== null) parts.push(`base ${write.base.index}@${write.base.term}`);
    if (write.entries.length > 0) parts.push(`entries ${runs(write.entries)}`);
    if (parts.length === 0) parts.push("nothing, for what waits");
    lines.push(`${id} writes #${write.writeSeq}: ${parts.join(", ")}`);
  }
  if (apply !== null) lines.push(`${id} applies ${range(apply.from, apply.to)}`);
  for (const { readId, index } of reads) lines.push(`${id} may answer read ${readId} at ${index}`);
  return lines;
}

function round(readRound: number): string {
  return readRound === 0 ? "" : `, round ${readRound}`;
}

function runs(of: readonly TermRun[]): string {
  return of.map((run) => `${range(run.from, run.to)}@${run.term}`).join(" ");
}

function range(from: number, to: number): string {
  return from === to - 1 ? `${from}` : `${from}..${to - 1}`;
}
