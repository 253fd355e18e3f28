//! What an operator does with an account, as SQL: one statement for each action.

/** Action → what it sets. @type {Record<string, string>} */
const SET = {
  suspend: "suspended_at = coalesce(suspended_at, unixepoch() * 1000)",
  resume: "suspended_at = NULL",
  trust: "trusted = 1",
  distrust: "trusted = 0",
};

export const ACTIONS = [...Object.keys(SET), "show"];

/** The statement of an action on the account with this mail address. Its rows are the account as it is then. @param {string} action @param {string} email */
export function accountSql(action, email) {
  const address = email.trim().toLowerCase();
  // Only what src/domain/account/email.rs accepts can be an account; a quote is doubled for SQL.
  if (!/^[a-z0-9!#$%&'*+\-/=?^_`{|}~.]+@[a-z0-9.-]+$/.test(address)) throw new Error(`${email} is no mail address of an account`);
  const where = `WHERE email = '${address.replaceAll("'", "''")}'`;
  const columns = "id, email, trusted, suspended_at";
  if (action === "show") return `SELECT ${columns} FROM users ${where}`;
  const set = SET[action];
  if (set === undefined) throw new Error(`${action} is no action; there are ${ACTIONS.join(", ")}`);
  return `UPDATE users SET ${set} ${where} RETURNING ${columns}`;
}
