//! A reporter for Node's test runner that prints the totals alone, for the summary of `npm test`.

/** @param {AsyncIterable<{ type: string, data: any }>} events */
export default async function* tally(events) {
  for await (const { type, data } of events) {
    // The summary without a file is the one of all files.
    if (type === "test:summary" && data.file === undefined) {
      const { passed, failed, cancelled } = data.counts;
      yield JSON.stringify({ passed, failed: failed + cancelled });
    }
  }
}
