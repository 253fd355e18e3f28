//! What the Worker logs, as a person reads it.

/** A message of the console as lines of output: a mail that was not sent is shown as it would have arrived. @param {string} message @returns {string} */
export function readable(message) {
  const mail = mailOf(message);
  return mail === undefined ? `${message}\n` : `\n${mail.trim()}\n\n`;
}

/** The text of the mail that a message reports, if it reports one. @param {string} message @returns {string | undefined} */
function mailOf(message) {
  try {
    return JSON.parse(message)["mail.text"];
  } catch {
    return undefined; // Not every message is a line of JSON: the runtime writes, too.
  }
}
