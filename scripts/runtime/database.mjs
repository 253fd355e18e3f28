//! The local database: the migrations that it lacks, and a project with a key.

import { readFileSync, readdirSync } from "node:fs";
import { inRoot } from "../setup/paths.mjs";

/**
 * What is used of a D1 database.
 * @typedef {{ bind: (...values: unknown[]) => Statement, run: () => Promise<unknown>, all: () => Promise<{ results: any[] }> }} Statement
 * @typedef {{ prepare: (sql: string) => Statement, batch: (statements: any[]) => Promise<unknown> }} Database
 */

/** Where wrangler writes down which migrations it has applied. */
const APPLIED = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

/** Applies the migrations that a database lacks, each as a whole or not at all. @param {Database} database */
export async function migrate(database) {
  await database.prepare(APPLIED).run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all();
  const applied = results.map(({ name }) => name);
  for (const file of readdirSync(inRoot("migrations")).filter((name) => name.endsWith(".sql")).sort()) {
    if (applied.includes(file)) continue;
    const statements = statementsOf(readFileSync(inRoot("migrations", file), "utf8"));
    const noted = database.prepare("INSERT INTO d1_migrations (name) VALUES (?1)").bind(file);
    await database.batch([...statements.map((statement) => database.prepare(statement)), noted]);
  }
}

/** The statements of a migration. A statement ends where a line does, so migrations hold no triggers. @param {string} sql */
function statementsOf(sql) {
  return sql
    .replaceAll(/--.*$/gm, "")
    .split(/;\s*$/m)
    .filter((statement) => statement.trim() !== "");
}
