//! The content of `GET /docs`: the runtime APIs of scripts.

/// One runtime API.
pub struct RuntimeApiDoc {
    pub name: &'static str,
    pub signature: &'static str,
    pub description: &'static str,
    pub example: &'static str,
}

/// Every name that a script has in addition to the language.
pub const RUNTIME_APIS: [RuntimeApiDoc; 5] = [
    RuntimeApiDoc {
        name: "context",
        signature: "context: any",
        description: "What the request sends as context.",
        example: "return `Hello ${context.name}!`",
    },
    RuntimeApiDoc {
        name: "console",
        signature: "console.log(...values), also debug, info, warn, error",
        description: "Writes log lines. The result has them in logs, in order.",
        example: "console.warn('Value', { of: 1 })",
    },
    RuntimeApiDoc {
        name: "api",
        signature: "await api(url, { method, headers, body, redirect }?)",
        description: "An HTTP request to a host that config.allowedDomains and the project allow. Answers with status, \
                      ok, url, headers and body, which is parsed where it is JSON.",
        example: "const { body } = await api('https://api.github.com/repos/cloudflare/workers-sdk')",
    },
    RuntimeApiDoc {
        name: "db",
        signature: "await db({ select: { from, columns, where, orderBy, limit, offset } })",
        description: "Reads the database that the project names in isolates.database. Answers with rows and rowCount.",
        example: "const { rows } = await db({ select: { from: 'things', where: { ns: 'wiki', id: { gt: 5 } }, limit: 10 } })",
    },
    RuntimeApiDoc {
        name: "ai",
        signature: "await ai(model, input)",
        description: "Asks a model of the deployment's AI binding.",
        example: "const { response } = await ai('@cf/meta/llama-3.1-8b-instruct', { prompt: 'Hello!' })",
    },
];

/// The limits of scripts.
pub const LIMITS: [(&str, &str); 8] = [
    ("Code", "100 KB (102,400 bytes)"),
    ("Context", "256 KiB as JSON"),
    ("Time", "config.timeout, by default 30 s, at most 60 s"),
    ("Memory", "128 MB"),
    ("Result", "1 MiB as JSON"),
    ("Log", "the first 1,000 entries, 1 MiB together"),
    ("Calls of api, db and ai", "50 together; 5 redirects; responses of 2 MiB; 1,000 rows"),
    ("History", "7 days"),
];

/// A first script.
pub const EXAMPLE: &str = "const double = (n: number): number => n * 2\nreturn double(context.n)";
