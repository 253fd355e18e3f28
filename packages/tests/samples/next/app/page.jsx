//! A page that the server renders, with a playground and an editor of its own.

import { DoclePlayground } from "@doclehq/react";
import { Editor } from "./editor.jsx";

export default function Page() {
  return (
    <main>
      <h1>Lesson</h1>
      <DoclePlayground publishableKey={process.env.NEXT_PUBLIC_DOCLE_KEY} endpoint={process.env.NEXT_PUBLIC_DOCLE_URL} lang="python" code="print('Hello, Next!')" />
      <Editor />
    </main>
  );
}
