#!/usr/bin/env node
// CommonJS on purpose: it is read synchronously, so nothing has used libuv's pool before its size is set. (J)
"use strict";
process.env.UV_THREADPOOL_SIZE ??= "8";
// Node.js 22 keeps what it compiled: a tenth of the time to start.
require("node:module").enableCompileCache?.();
import("../dist/main.js").catch((error) => {
  // Not built, or built badly. Node.js would end with 1, which is an answer here.
  console.error(error);
  process.exitCode = 70;
});
