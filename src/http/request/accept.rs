//! What kind of answer a client asks for.

use ::http::HeaderMap;
use ::http::header::ACCEPT;

/// Whether `Accept` names `text/event-stream` with a quality above zero. Wildcards do not count: a stream is for
/// clients that ask for one.
pub fn wants_event_stream(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let is_stream = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("text/event-stream"));
            is_stream && parts.all(|parameter| !is_quality_zero(parameter))
        })
    })
}

/// Whether `Accept` names `text/html`, as browsers do.
pub fn wants_page(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepts
        .flat_map(|value| value.split(','))
        .any(|range| range.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("text/html")))
}

fn is_quality_zero(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    name.trim().eq_ignore_ascii_case("q") && value.trim().parse::<f32>().is_ok_and(|quality| quality <= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clients_that_ask_for_a_stream_get_one() {
        for (accept, expected) in [
            ("text/event-stream", true),
            ("TEXT/Event-Stream", true),
            ("application/json, text/event-stream", true),
            ("application/json;q=0.5,text/event-stream;q=0.1", true),
            ("text/event-stream; charset=utf-8", true),
            ("text/event-stream;q=0", false),
            ("text/event-stream; q = 0.000", false),
            ("text/event-stream;charset=utf-8;Q=0", false),
            ("text/event-streaming", false),
            ("application/json", false),
            ("text/*", false),
            ("*/*", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
            assert_eq!(wants_event_stream(&headers), expected, "{accept}");
        }
        assert!(!wants_event_stream(&HeaderMap::new()));
    }
}
