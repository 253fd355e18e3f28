//! The document around every page.

export const metadata = { title: "Lessons" };

export default function Layout({ children }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  );
}
