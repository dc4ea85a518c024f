// Imported into a node process before all else (--import): its modules are loaded through the loader beside this file.
import { register } from "node:module";

register("./patch-loader.js", import.meta.url);
