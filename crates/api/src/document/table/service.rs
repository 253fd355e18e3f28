//! Operations about the service itself.

use crate::document::operation::{Body, Caller, Method, Operation, Success, Tag};
use crate::health::{Health, Index};
use crate::languages::{Docs, Languages};

pub fn operations() -> Vec<Operation> {
    let of = |id, path, summary, description| {
        Operation::new(id, (Method::Get, path), (Tag::Service, Caller::Anyone), summary, description)
    };
    let texts = |description, bodies| Success { status: 200, description, headers: Vec::new(), bodies };
    let html = || Body::text("text/html", "<!doctype html>…");
    let document = Body::text("application/json", "…");
    vec![
        of("get_index", "/", "Read what this is", "The name of the service, its release, and where to go next.")
            .gives::<Index>(200, "Name, release and addresses."),
        of(
            "list_languages",
            "/languages",
            "List languages",
            "The languages of all tiers, in the versions that they say themselves.",
        )
        .gives::<Languages>(200, "The languages."),
        of(
            "get_docs",
            "/docs",
            "Read the runtime APIs of scripts",
            "What scripts have beside the language. Browsers get a page.",
        )
        .answers(texts("The runtime APIs.", vec![Body::json::<Docs>(), html()])),
        of(
            "get_errors",
            "/docs/errors",
            "Read what errors mean",
            "What each error code means, and what to do then. Browsers get a page.",
        )
        .answers(texts("The page.", vec![Body::text("text/markdown", "# Errors\n…"), html()])),
        of("get_openapi", "/openapi.json", "Read this description", "This description, in OpenAPI 3.1.")
            .answers(texts("The description.", vec![document]))
            .empty(304, "The description is the one that `If-None-Match` names."),
        of(
            "get_health",
            "/health",
            "Read whether the service works",
            "Answers with 200 whenever the service does; `status` says whether its runner does, too.",
        )
        .gives::<Health>(200, "Whether the service works."),
    ]
}
