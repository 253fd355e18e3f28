"use client";
//! An editor of one's own, which runs programs through the server's route.

import { useDocle } from "@doclehq/react";
import { useState } from "react";

export function Editor() {
  const { run, loading, stdout, result, error } = useDocle({ endpoint: "/api/docle" });
  const [code, setCode] = useState("print('From a route')");
  return (
    <section>
      <textarea aria-label="Program" value={code} onChange={(event) => setCode(event.target.value)} />
      <button onClick={() => run(code, { lang: "python" })} disabled={loading}>
        Run
      </button>
      <pre id="output">{stdout}</pre>
      {result && <p id="status">{result.status}</p>}
      {error && <p role="alert">{error.message}</p>}
    </section>
  );
}
