//! The route that adds the key.

export async function POST(request) {
  const { code, lang } = await request.json();
  const answer = await fetch(`${process.env.DOCLE_BASE_URL}/api/run`, {
    method: "POST",
    headers: { authorization: `Bearer ${process.env.DOCLE_API_KEY}`, "content-type": "application/json", accept: request.headers.get("accept") ?? "" },
    body: JSON.stringify({ code, lang }),
    signal: request.signal,
  });
  return new Response(answer.body, { status: answer.status, headers: { "content-type": answer.headers.get("content-type") ?? "" } });
}
