import type { Argv } from "yargs";

interface Example {
  readonly command: string;
  readonly about: string;
}

/** Stands in the parser's help text where the examples belong. */
const PLACE = "\u{e000}";

/**
 * The examples of one help text. The parser would break long commands, with what is said about them in between; here
 * each stays whole on a line of its own, as it can be pasted.
 */
export class Examples {
  readonly #examples: Example[] = [];

  /** From now on what `parser.example` is told comes here. */
  takeFrom(parser: Argv): void {
    const show = (parser.example as (command: string, about: string) => Argv).bind(parser);
    const take = (command: string, about: string): Argv => {
      if (this.#examples.length === 0) show(PLACE, "");
      this.#examples.push({ command: command.replaceAll("$0", "raftkv"), about });
      return parser;
    };
    parser.example = take as Argv["example"];
  }

  /** @param help as the parser made it. @param columns of the terminal. */
  putInto(help: string, columns: number): string {
    return help.replace(new RegExp(` *${PLACE} *`), () => exampleText(this.#examples, columns));
  }
}

/** Commands beside what is said about them, where there is room for that; else above it. */
export function exampleText(examples: readonly Example[], columns: number): string {
  const commandColumns = Math.max(...examples.map(({ command }) => command.length));
  const aboutColumns = Math.max(...examples.map(({ about }) => about.length));
  const fits = 2 + commandColumns + 2 + aboutColumns <= columns;
  return examples
    .map(({ about, command }) =>
      fits ? `  ${command.padEnd(commandColumns)}  ${about}` : `  ${command}\n      ${about}`,
    )
    .join("\n");
}
