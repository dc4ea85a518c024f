export * from "./core/index.js";
export * from "./frame.js";
export * from "./wal/index.js";
