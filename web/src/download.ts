//! Data of the page as a file of the reader.

/** Hands over a file with JSON. */
export const download = (name: string, data: unknown) => downloadFile(name, new Blob([JSON.stringify(data, null, 2)], { type: "application/json" }));

/** Hands over a file. */
export function downloadFile(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // A browser reads the file some time after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
