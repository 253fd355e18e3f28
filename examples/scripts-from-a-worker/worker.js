//! A Worker that runs a formula of its user: it calls Docle's Worker through a service binding, without HTTP.

export default {
  async fetch(request, env) {
    const { formula, values } = await request.json();
    const config = { timeout: 1000, allowedAPIs: ["console"], apiKey: env.DOCLE_KEY };
    const { success, result, error } = await env.CODE_EXEC.executeCode(formula, "typescript", values, config);
    return Response.json(success ? { result } : { error: `${error.name}: ${error.message}` }, { status: success ? 200 : 422 });
  },
};
