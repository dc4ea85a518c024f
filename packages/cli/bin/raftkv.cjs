#!/usr/bin/env node
// CommonJS on purpose: it is read synchronously, so nothing has used libuv's pool before its size is set. (J)
"use strict";
process.env.UV_THREADPOOL_SIZE ??= "8";
void import("../dist/main.js");
