//! HTML pages of signing in that work without scripts: the form, where the link is, its button, and a link that has ended.

use crate::domain::account::next_page::NextPage;
use crate::domain::account::token::Token;
use crate::http::response::pages::{escape, respond_with};
use crate::ports::http_messages::Response;
use ::http::StatusCode;

/// The colours and sizes of the website that these pages need; web/src/style/tokens.css has them all.
const STYLE: &str = "\
:root{color-scheme:light dark;--bg:light-dark(oklch(.962 .004 285),oklch(.118 .006 285));\
--field:light-dark(#fff,oklch(.135 .006 285));--line:light-dark(oklch(.6 .01 285),oklch(.5 .012 285));\
--ink:light-dark(oklch(.205 .012 285),oklch(.962 .004 285));--ink-2:light-dark(oklch(.425 .014 285),oklch(.762 .011 285));\
--ring:light-dark(oklch(.515 .215 284),oklch(.69 .165 284));\
--go:linear-gradient(96deg,light-dark(oklch(.515 .215 285),oklch(.555 .205 285)),light-dark(oklch(.515 .2 270),oklch(.555 .19 268)))}\
*{box-sizing:border-box}\
body{display:grid;grid-template-rows:auto 1fr;min-height:100vh;margin:0;background:var(--bg);color:var(--ink);\
font:14px/22px Geist,system-ui,sans-serif}\
header{display:flex;gap:10px;align-items:center;padding:28px 40px;font-weight:600}\
main{width:min(340px,100% - 40px);margin:auto;padding-bottom:15vh}\
h1{margin:0 0 4px;font-size:24px;line-height:32px;font-weight:600;letter-spacing:-.02em}\
p{margin:0 0 22px;color:var(--ink-2)}label{display:block;margin-bottom:14px;font-weight:500}\
input{display:block;width:100%;height:40px;margin-top:6px;padding:0 12px;border:1px solid var(--line);border-radius:6px;\
background:var(--field);color:inherit;font:inherit}\
button,.go{display:grid;place-items:center;width:100%;height:40px;border:0;border-radius:6px;background:var(--go);color:#fff;\
font:inherit;font-weight:500;text-decoration:none;cursor:pointer}\
.quiet{display:grid;place-items:center;height:44px;margin-top:6px;color:var(--ink-2);text-decoration:none}\
button.quiet{background:none}.quiet:hover{color:var(--ink)}.code{font-family:Geist Mono,ui-monospace,monospace;letter-spacing:.06em}\
select{display:block;width:100%;height:40px;margin-top:6px;padding:0 8px;border:1px solid var(--line);border-radius:6px;\
background:var(--field);color:inherit;font:inherit}dl{display:grid;grid-template-columns:auto 1fr;gap:6px 16px;margin:0 0 22px}\
dt{color:var(--ink-2)}dd{margin:0;overflow-wrap:anywhere}.problem{color:light-dark(oklch(.5 .19 25),oklch(.75 .14 25))}\
code{font-family:Geist Mono,ui-monospace,monospace}\
:focus-visible{outline:2px solid var(--ring);outline-offset:2px}\
@media(max-width:760px){header{padding:20px}}";

/// The mark of the website: a cell with a caret in it.
const MARK: &str = "<svg width=\"22\" height=\"22\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><defs>\
<linearGradient id=\"g\" x2=\"1\" y2=\"1\"><stop stop-color=\"#9a5cf0\"/><stop offset=\"1\" stop-color=\"#3f7df0\"/></linearGradient></defs>\
<path fill=\"url(#g)\" d=\"M5.5 2.5h6a9.5 9.5 0 0 1 0 19h-6A2.5 2.5 0 0 1 3 19V5a2.5 2.5 0 0 1 2.5-2.5Z\"/>\
<rect fill=\"#fff\" x=\"7.6\" y=\"7.5\" width=\"2.8\" height=\"9\" rx=\"1.4\"/></svg>";

/// A page with a form that requests a login link. The form posts to this service.
pub fn login() -> Response {
    let form = "<form method=\"post\" action=\"/auth/request\"><label>Your email address\
                <input type=\"email\" name=\"email\" required autocomplete=\"email\"></label><button>Email me a link</button></form>";
    page(StatusCode::OK, "Sign in", "The link signs you in. The first one creates your account.", form, "")
}

/// Says where the link is that was requested.
pub fn link_sent(is_development: bool) -> Response {
    let text = if is_development {
        "A development machine sends no mail: <code>npm start</code> has printed the link."
    } else {
        "A link is on its way to your mailbox. It works once, within 15 minutes."
    };
    page(StatusCode::OK, "Look into your mail", text, "", "")
}

/// A page with a button to sign in. Mail scanners open links, but press no buttons. The form posts to this service,
/// which redirects to `form_target`, so the page's policy must allow both.
pub fn confirm(token: &Token, next: Option<&NextPage>, form_target: &str) -> Response {
    let next = next.map_or_else(String::new, |page| {
        format!("<input type=\"hidden\" name=\"next\" value=\"{}\">", escape(page.as_str()))
    });
    let form = format!(
        "<form method=\"post\" action=\"/auth/verify\"><input type=\"hidden\" name=\"token\" value=\"{}\">{next}\
         <button>Sign in</button></form><a class=\"quiet\" href=\"/login\">Not now</a>",
        token.reveal()
    );
    let text = "You opened the link from our mail. This step keeps mail scanners from using it up.";
    page(StatusCode::OK, "Sign in on this device?", text, &form, form_target)
}

/// Says that a link does not work.
pub fn invalid_link() -> Response {
    let way_out = "<a class=\"go\" href=\"/login\">Email me a new link</a>";
    let text = "It was used before, or its 15 minutes are over.";
    page(StatusCode::GONE, "This link no longer works", text, way_out, "")
}

/// A page in the looks of the website. `text` and `content` are HTML.
pub fn page(status: StatusCode, title: &str, text: &str, content: &str, form_target: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title} · Docle</title><style>{STYLE}</style><header>{MARK}Docle</header>\
         <main><h1>{title}</h1><p>{text}</p>{content}</main>"
    );
    respond_with(status, html, form_target)
}
