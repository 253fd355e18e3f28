//! The operations of the API as Markdown: a page for each tag of the OpenAPI document.

interface Schema {
  $ref?: string;
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
}

interface Parameter {
  $ref?: string;
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema?: Schema;
}

interface Response {
  $ref?: string;
  description?: string;
  content?: Record<string, { schema?: Schema }>;
}

interface Operation {
  tags: string[];
  summary: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { description?: string; content: Record<string, { schema?: Schema; examples?: Record<string, { value: unknown }> }> };
  responses: Record<string, Response>;
}

export interface OpenApi {
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Record<string, unknown>>;
}

/** How deep the table of a body goes into its objects. */
const DEPTH = 3;

/** A text for one cell of a table: its lists become sentences. */
const cell = (text: string) => text.replace(/^\* /gm, "").replaceAll("|", "\\|").replaceAll("\n", " ");
const code = (text: string) => `\`${text}\``;

/** Reads the document. */
class Reference {
  readonly #document: OpenApi;

  constructor(document: OpenApi) {
    this.#document = document;
  }

  #resolved<T extends { $ref?: string }>(value: T): T {
    if (value.$ref === undefined) return value;
    const [, , kind = "", name = ""] = value.$ref.split("/");
    return this.#resolved((this.#document.components[kind]?.[name] ?? {}) as T);
  }

  /** The choices of a schema without `null`; the schema itself if there is one only. */
  #choices(schema: Schema): Schema[] {
    const all = (schema.anyOf ?? schema.oneOf ?? schema.allOf)?.map((one) => this.#resolved(one)).filter(({ type }) => type !== "null") ?? [];
    return all.length === 0 ? [schema] : all.flatMap((one) => this.#choices(one));
  }

  #type(schema: Schema): string {
    const names = this.#choices(this.#resolved(schema)).map((one) => {
      if (one.const !== undefined) return code(JSON.stringify(one.const));
      if (one.enum !== undefined) return one.enum.map((value) => code(JSON.stringify(value))).join(", ");
      const type = [one.type ?? "object"].flat().filter((name) => name !== "null").join(" or ");
      return type === "array" ? `array of ${this.#type(one.items ?? {})}` : type;
    });
    return Array.from(new Set(names)).join(" or ");
  }

  /** What a schema says about its values, in a few words. */
  #range(schema: Schema): string {
    const one = this.#choices(this.#resolved(schema))[0] ?? {};
    const number = (value: number) => value.toLocaleString("en-US");
    const parts = [
      one.minimum !== undefined && one.maximum !== undefined ? `${number(one.minimum)} to ${number(one.maximum)}.` : "",
      one.maxLength === undefined ? "" : `At most ${number(one.maxLength)} characters.`,
      one.maxItems === undefined ? "" : `At most ${number(one.maxItems)}.`,
      schema.default === undefined || schema.default === null ? "" : `Default ${code(JSON.stringify(schema.default))}.`,
    ];
    return parts.filter((part) => part !== "").join(" ");
  }

  #rows(schema: Schema, prefix: string, depth: number): string[] {
    return this.#choices(this.#resolved(schema)).flatMap((one) =>
      Object.entries(one.properties ?? {}).flatMap(([name, property]) => {
        const whole = this.#resolved(property);
        const required = one.required?.includes(name) === true ? " Required." : "";
        const text = `${property.description ?? whole.description ?? ""}${required} ${this.#range({ ...whole, ...property })}`;
        const row = `| ${code(prefix + name)} | ${cell(this.#type(whole))} | ${cell(text.trim())} |`;
        const inside = this.#choices(whole).flatMap((choice) => (choice.items === undefined ? [{ choice, mark: "." }] : [{ choice: choice.items, mark: "[]." }]));
        const below = depth === 1 ? [] : inside.flatMap(({ choice, mark }) => this.#rows(choice, `${prefix}${name}${mark}`, depth - 1));
        return [row, ...below];
      }),
    );
  }

  #table(schema: Schema | undefined): string {
    // Two kinds of one body share most fields, and each is said once.
    const rows = schema === undefined ? [] : Array.from(new Map(this.#rows(schema, "", DEPTH).map((row) => [row.split(" | ")[0], row])).values());
    return rows.length === 0 ? "" : `| Field | Type | Meaning |\n|---|---|---|\n${rows.join("\n")}\n\n`;
  }

  #operation(method: string, path: string, operation: Operation): string {
    const parameters = (operation.parameters ?? []).map((one) => this.#resolved(one));
    const body = operation.requestBody;
    const shape = body?.content["application/json"];
    const value = Object.values(shape?.examples ?? {})[0]?.value;
    const responses = Object.entries(operation.responses).map(([status, given]) => ({ status, ...this.#resolved(given) }));
    const result = responses.find(({ status }) => status.startsWith("2"))?.content?.["application/json"]?.schema;
    return [
      `## ${operation.summary}\n\n${code(`${method.toUpperCase()} ${path}`)}\n\n${operation.description ?? ""}\n\n`,
      parameters.length === 0
        ? ""
        : `| Parameter | In | Meaning |\n|---|---|---|\n${parameters.map((one) => `| ${code(one.name)} | ${one.in} | ${cell(`${one.description ?? ""}${one.required === true ? " Required." : ""}`)} |`).join("\n")}\n\n`,
      body === undefined ? "" : `**Body.** ${body.description ?? ""}\n\n${this.#table(shape?.schema)}`,
      value === undefined ? "" : `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\`\n\n`,
      `| Status | Answer |\n|---|---|\n${responses.map(({ status, description }) => `| ${status} | ${cell(description ?? "")} |`).join("\n")}\n\n`,
      result === undefined ? "" : `**Result.**\n\n${this.#table(result)}`,
    ].join("");
  }

  pages(): { tag: string; markdown: string }[] {
    const operations = Object.entries(this.#document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ method, path, operation })));
    return this.#document.tags.map(({ name, description }) => {
      const own = operations.filter(({ operation }) => operation.tags.includes(name));
      return { tag: name, markdown: `# ${name}: all operations\n\n${description}\n\n${own.map(({ method, path, operation }) => this.#operation(method, path, operation)).join("")}` };
    });
  }
}

/** The pages about the operations of the API. */
export const referencePages = (document: OpenApi) => new Reference(document).pages();
