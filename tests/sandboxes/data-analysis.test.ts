//! Cells with numpy, pandas and matplotlib from the real registry: charts, tables, and the example of the first guide as printed.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { dataStack } from "../harness/data-stack.ts";
import { Docle } from "../harness/docle.ts";

const docle = await Docle.start();
after(() => docle.stop());

type Json = Record<string, any>;
const SANDBOXES = "/api/v1/sandboxes";
let sandbox: string;

async function call(path: string, body: Json): Promise<Json> {
  const headers = { authorization: `Bearer ${docle.worker.key}`, "content-type": "application/json" };
  const response = await docle.fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const text = await response.text();
  assert.ok(response.ok, `${response.status} ${text}`);
  return JSON.parse(text) as Json;
}

async function run(code: string, more: Json = {}): Promise<Json> {
  const execution = await call(`${sandbox}/code`, { code, timeoutMs: 60_000, ...more });
  assert.equal(execution.error, null, JSON.stringify(execution.error));
  return execution;
}

const isPng = (result: Json) => Buffer.from(result.png ?? "", "base64").subarray(1, 4).toString() === "PNG";

before(async () => {
  sandbox = `${SANDBOXES}/${(await call(SANDBOXES, { runtime_config: { memoryMB: 1_024, diskMB: 1_024 } })).id}`;
  const site = (await call(`${sandbox}/exec`, { command: "python3 -m site --user-site" })).stdout.trim();
  const version = /python(3\.\d+)/.exec(site)?.[1] ?? assert.fail(site);
  const uploaded = await docle.fetch(`${sandbox}/files/content?path=/tmp/site.tgz`, { method: "PUT", headers: { authorization: `Bearer ${docle.worker.key}` }, body: dataStack(version) });
  assert.equal(uploaded.status, 200, await uploaded.text());
  const unpacked = await call(`${sandbox}/exec`, { command: `mkdir -p ${site} && tar -xzf /tmp/site.tgz -C ${site} && rm /tmp/site.tgz`, timeoutMs: 100_000 });
  assert.equal(unpacked.exitCode, 0, unpacked.stderr);
});

test("a table of pandas is HTML, and a long one is bounded", async () => {
  const [table] = (await run("import pandas as pd\ndf = pd.DataFrame({'name': ['Alice', 'Bob', 'Charlie'], 'score': [92, 88, 95]})\ndf")).results;
  assert.match(table.html, /<td>Alice<\/td>/);
  assert.match(table.text, /^ {6}name  score\n0 {4}Alice {5}92\n/);
  const [long] = (await run("pd.DataFrame({'n': range(1_000_000)})")).results;
  assert.ok(long.html.length < 20_000, `${long.html.length}`);
  assert.match(long.html, /1000000 rows/);
  const [array] = (await run("import numpy as np\nnp.arange(1_000_000)")).results;
  assert.match(array.text, /^array\(\[ +0, +1, +2, \.\.\., 999997, 999998, 999999\]/);
});

test("figures come at show and when they are left open, once, and are closed", async () => {
  const shown = await run("import matplotlib.pyplot as plt\nplt.plot([1, 2, 3], label='a'); plt.title('T'); plt.show()\nprint('after')\nplt.get_fignums()");
  assert.deepEqual(shown.results.map(isPng), [true, false]);
  assert.deepEqual([shown.stdout, shown.results[1].text], ["after\n", "[]"]);
  assert.deepEqual(shown.results[0].chart, { type: "line", title: "T", x_label: "", y_label: "", elements: [{ label: "a", points: [[0, 1], [1, 2], [2, 3]] }] });
  const left = await run("fig, ax = plt.subplots()\nax.bar(['a', 'b'], [3, 4]);");
  assert.deepEqual(left.results.map(isPng), [true]);
  assert.deepEqual(left.results[0].chart.elements.map(({ label, value }: Json) => [label, value]), [["a", 3], ["b", 4]]);
  const value = await run("fig, ax = plt.subplots()\nax.scatter([1, 2], [3, 4])\nfig");
  assert.deepEqual([value.results.map(isPng), value.results[0].chart.type], [[true], "scatter"]);
  const two = await run("import matplotlib\nmatplotlib.use('Agg')\nplt.figure(); plt.pie([1, 3], labels=['x', 'y'])\nplt.figure(); plt.hist([1, 2, 2]);");
  assert.deepEqual(two.results.map(isPng), [true, true]);
  assert.deepEqual(two.results[0].chart.elements.map(({ label, share }: Json) => [label, Math.round(share * 100)]), [["x", 25], ["y", 75]]);
  const box = await run("fig, axes = plt.subplots(1, 2)\naxes[0].boxplot([[1, 2, 3, 4, 20], [5, 6, 7]], tick_labels=['a', 'b'])\naxes[1].plot([1, 2]);");
  assert.deepEqual(box.results[0].chart.type, "subplots");
  assert.deepEqual(box.results[0].chart.charts.map(({ type }: Json) => type), ["box", "line"]);
  assert.deepEqual(box.results[0].chart.charts[0].elements, [
    { label: "a", min: 1, first_quartile: 2, median: 3, third_quartile: 4, max: 4, outliers: [20] },
    { label: "b", min: 5, first_quartile: 5.5, median: 6, third_quartile: 6.5, max: 7, outliers: [] },
  ]);
  assert.deepEqual((await run("plt.get_fignums()")).results.map(({ text }: Json) => text), ["[]"]);
  assert.deepEqual((await run("fig = plt.figure()")).results, [], "a figure without anything is no result");
});

test("the data analysis of the first guide works as it is printed", async () => {
  const analysis = await run(`
import pandas as pd
import matplotlib.pyplot as plt

# Create sample data
data = {
    'Month': ['Jan', 'Feb', 'Mar', 'Apr', 'May'],
    'Sales': [10000, 12000, 15000, 14000, 18000],
    'Profit': [2000, 2500, 3200, 2800, 4000]
}
df = pd.DataFrame(data)

# Display summary statistics
print("Sales Summary:")
print(df.describe())

# Create visualization
plt.figure(figsize=(10, 6))
plt.subplot(1, 2, 1)
plt.bar(df['Month'], df['Sales'])
plt.title('Monthly Sales')
plt.xlabel('Month')
plt.ylabel('Sales ($)')

plt.subplot(1, 2, 2)
plt.plot(df['Month'], df['Profit'], marker='o', color='green')
plt.title('Monthly Profit')
plt.xlabel('Month')
plt.ylabel('Profit ($)')

plt.tight_layout()
plt.show()

# Return the data as JSON
df.to_dict('records')
`);
  assert.match(analysis.stdout, /^Sales Summary:\n/);
  assert.deepEqual(analysis.results.map((result: Json) => [isPng(result), result.json !== undefined]), [[true, false], [false, true]]);
  assert.deepEqual([analysis.results[0].chart.type, analysis.results[0].chart.charts.map(({ type, title }: Json) => [type, title])], ["subplots", [["bar", "Monthly Sales"], ["line", "Monthly Profit"]]]);
  assert.deepEqual(analysis.results[1].json[0], { Month: "Jan", Sales: 10000, Profit: 2000 });
  await run("\n# Save processed data\ndf.to_json('/tmp/sales_data.json', orient='records')\n");
  const growth = await run(
    `
const fs = require('fs');
const data = JSON.parse(fs.readFileSync('/tmp/sales_data.json', 'utf8'));

// Calculate growth rate
const growth = data.map((curr, idx) => {
  if (idx === 0) return { ...curr, growth: 0 };
  const prev = data[idx - 1];
  return {
    ...curr,
    growth: ((curr.Sales - prev.Sales) / prev.Sales * 100).toFixed(2) + '%'
  };
});

console.log('Growth Analysis:', growth);
growth;
`,
    { language: "javascript" },
  );
  assert.match(growth.stdout, /^Growth Analysis: \[\n/);
  assert.deepEqual(growth.results[0].json.map((row: Json) => row.growth), [0, "20.00%", "25.00%", "-6.67%", "28.57%"]);
});
