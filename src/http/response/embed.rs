//! The page of an embed frame, and the files that it and other pages load.

use crate::domain::embed::Parameters;
use crate::http::response::pages::escape;
use crate::http::response::respond;
use crate::ports::http_messages::{Body, Response};
use ::http::StatusCode;
use ::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use bytes::Bytes;
use docle_languages::RunLanguage;
use serde_json::json;

include!(concat!(env!("OUT_DIR"), "/embed.rs"));

/// A file that build.rs has found in build/embed.
struct File {
    name: &'static str,
    content: &'static [u8],
}

/// What a frame cannot do, for people to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The page gives no key.
    Key,
    /// The key is none, or it has ended.
    ValidKey,
    /// The page has given a secret key away.
    SecretKey,
    /// The key could not be checked.
    Service,
    /// There is no such language.
    Language,
}

impl Missing {
    /// The code that scripts read, and the sentence that people read.
    const fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::Key => (
                "key_required",
                "This playground is not set up: the page around it gives no key. Its owner adds a publishable key, pk_live_…",
            ),
            Self::ValidKey => (
                "invalid_api_key",
                "This playground is not set up: its key is none of this service, or it has ended. Its owner adds a new \
                 publishable key.",
            ),
            Self::SecretKey => (
                "secret_key_in_page",
                "The page around this playground gives away a secret key. Nothing was run. Its owner revokes that key, and \
                 uses a publishable key, pk_live_…",
            ),
            Self::Service => ("service_unavailable", "Part of the service is not answering. Reload the page."),
            Self::Language => ("invalid_request", "This playground names a language that is not here."),
        }
    }
}

/// What the page of a frame is made of.
pub struct Frame<'a> {
    pub parameters: &'a Parameters,
    /// The publishable key, and the domains of its pages; or what is missing.
    pub key: Result<(&'a str, &'a [String]), Missing>,
    /// A random text that the policy names.
    pub nonce: &'a str,
    /// Where the service is, for WebSockets and calls.
    pub base_url: &'a str,
    /// The page of the website that opens programs; `None` where there is no website.
    pub playground: Option<String>,
}

/// The page. Its policy lets in nothing but its own files, and only pages of the key's domains may show it.
pub fn frame(frame: &Frame<'_>) -> Response {
    let Frame { parameters, key, nonce, base_url, playground } = frame;
    let Parameters { theme, readonly, autorun, stdin, auto_height, code, lang, .. } = parameters;
    let language = parameters.language();
    let missing = key.err().or_else(|| language.is_none().then_some(Missing::Language)).map(Missing::text);
    let domains = key.map(|(_, domains)| domains).unwrap_or_default();
    let languages: Vec<_> = RunLanguage::all()
        .map(|one| json!({ "id": one.id, "title": one.title, "mode": one.editor_mode, "entrypoint": one.default_entrypoint() }))
        .collect();
    let config = json!({
        "lang": lang, "code": code, "readonly": readonly, "autorun": autorun, "stdin": stdin,
        "autoHeight": auto_height, "key": key.map(|(key, _)| key).ok(), "domains": domains, "baseUrl": base_url,
        "outputPage": format!("/embed/{OUTPUT}"), "playground": playground,
        "languages": languages, "names": RunLanguage::all().flat_map(|one| names(one).map(move |name| (name, one.id))).collect::<std::collections::BTreeMap<_, _>>(),
        "missing": missing.map(|(code, message)| json!({ "code": code, "message": message })),
    });
    let config = config.to_string().replace('<', "\\u003c");
    let title = language.map_or("Unknown language", |language| language.title);
    let notice =
        missing.map_or_else(String::new, |(_, message)| format!("<p class=\"notice\">{}</p>", escape(message)));
    let html = format!(
        "<!doctype html><html lang=\"en\" data-theme=\"{theme}\"{auto}><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
         <title>Playground · Docle</title><link rel=\"stylesheet\" href=\"/embed/{STYLE}\" nonce=\"{nonce}\">\
         <main id=\"frame\"><h1>{title}</h1><pre id=\"code\" tabindex=\"0\">\n{code}</pre>{notice}</main>\
         <script type=\"application/json\" id=\"config\" nonce=\"{nonce}\">{config}</script>\
         <script type=\"module\" src=\"/embed/{ENTRY}\" nonce=\"{nonce}\"></script></html>",
        auto = if *auto_height { " data-height=\"auto\"" } else { "" },
        code = escape(code),
    );
    let mut response = Response::new(Body::Whole(html.into()));
    if key.err() == Some(Missing::SecretKey) {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::try_from(policy(nonce, base_url, key.is_ok().then_some(domains))) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Every name of a language.
fn names(language: RunLanguage) -> impl Iterator<Item = &'static str> {
    let row = language.row();
    [row.id].into_iter().chain(row.aliases.iter().copied()).chain(row.program_names.iter().copied())
}

/// The policy of a frame. A frame without a key can do nothing, so every page may show it.
fn policy(nonce: &str, base_url: &str, domains: Option<&[String]>) -> String {
    let ancestors = match domains {
        // A key's domain does not say scheme or port.
        Some(domains) => {
            domains.iter().map(|host| format!("https://{host}:* http://{host}:*")).collect::<Vec<_>>().join(" ")
        }
        None => "*".to_owned(),
    };
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'nonce-{nonce}'; connect-src {base_url}; \
         frame-src {base_url}/embed/{OUTPUT}; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'; \
         frame-ancestors {ancestors}"
    )
}

/// A file by its name: one of a frame, which never changes, or a version of the loader.
pub fn file(name: &str) -> Option<Response> {
    let file =
        if name.strip_suffix(".js") == Some(VERSION) { find(LOADER) } else { find(name).filter(|_| name != LOADER) };
    file.map(|file| serve(file, HeaderValue::from_static("public, max-age=31536000, immutable")))
}

/// The newest version of the loader, which changes.
pub fn loader() -> Option<Response> {
    find(LOADER).map(|file| serve(file, respond::FOR_FIVE_MINUTES))
}

fn find(name: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.name == name)
}

/// The policy of the page that shows what a program has drawn, as SVG or HTML. It has an origin of its own, whatever frames it: it
/// reads nothing of this service, and loads nothing.
const OUTPUT_POLICY: &str = "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; \
                             style-src 'unsafe-inline'; img-src data: blob:; font-src data:; media-src data: blob:; \
                             base-uri 'none'; form-action 'none'";

fn serve(file: &File, cache: HeaderValue) -> Response {
    let kind = match file.name.rsplit_once('.') {
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "html")) => "text/html; charset=utf-8",
        _ => "text/javascript; charset=utf-8",
    };
    let mut response = Response::new(Body::Whole(Bytes::from_static(file.content)));
    if file.name == OUTPUT {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(OUTPUT_POLICY));
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, cache);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_a_page_is_text_wherever_it_stands() {
        let query = "code=%3C%2Fpre%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%22&lang=%22%3E%3Cb%3E";
        let parameters = Parameters::read(query);
        let response = frame(&Frame {
            parameters: &parameters,
            key: Err(Missing::Key),
            nonce: "n",
            base_url: "http://x",
            playground: None,
        });
        let Body::Whole(html) = response.into_body() else { panic!("a page") };
        let html = String::from_utf8(html.to_vec()).unwrap();
        assert!(!html.contains("<script>alert") && html.matches("</pre>").count() == 1, "{html}");
        assert_eq!(html.matches("<b>").count(), 0, "{html}");
        assert!(html.contains("&lt;/pre&gt;&lt;script&gt;alert(1)"));
    }
}
