import type { Argv } from "yargs";
import { shownBytes } from "../byte-text.js";
import { withClient } from "../cluster-request.js";
import type { Chosen, Context } from "../context.js";
import { EXIT } from "../exit-codes.js";
import { bytesFields, sayJson, sayTable } from "../output.js";
import { clusterOptions, encodingOption } from "./options.js";

export function routesCommands(parser: Argv, context: Context, chosen: Chosen): Argv {
  return parser
    .usage("$0 routes <command>\n\nThe catalog: which group holds which range of keys.")
    .command(
      "list",
      "every route: the range of keys, and the group that holds them",
      (command) =>
        clusterOptions(command)
          .option("key-encoding", encodingOption("keys"))
          .example("$0 routes list", "one row a route; no end: to the last key"),
      (argv) => {
        chosen.action = async () => {
          const { routes, version } = await withClient(context, argv, (client, timeoutMs) =>
            client.catalog({ timeoutMs }),
          );
          if (argv.json) {
            const rows = routes.map(({ routeId, start, end, groupId, version: routeVersion }) => ({
              routeId,
              ...bytesFields("start", start),
              ...(end === null ? { end: null, endBase64: null } : bytesFields("end", end)),
              groupId,
              version: routeVersion,
            }));
            sayJson(context, { version, routes: rows });
            return EXIT.done;
          }
          const cells = routes.map((route) => [
            route.routeId,
            shownBytes(route.start, argv.keyEncoding),
            route.end === null ? null : shownBytes(route.end, argv.keyEncoding),
            route.groupId,
            route.version,
          ]);
          await sayTable(context, ["route", "start", "end", "group", "version"], cells);
          return EXIT.done;
        };
      },
    )
    .demandCommand(1, "routes: say list");
}
