//! Logs one line per request, when its response has ended.

use crate::app::App;
use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::ports::http_messages::Body;
use crate::ports::http_messages::{Request, Response};
use crate::ports::{Clock, Level, Log};
use ::http::Method;
use futures::StreamExt;
use serde_json::{Map, Value, json};
use std::rc::Rc;

/// What a handler adds to the line, through the extensions of the response.
#[derive(Debug, Clone, Default)]
pub struct About {
    pub run_id: Option<RunId>,
    pub project_id: Option<String>,
}

/// The line of a request that is being answered.
pub struct Entry {
    method: Method,
    began: Timestamp,
    clock: Rc<dyn Clock>,
    log: Rc<dyn Log>,
}

impl Entry {
    /// Begins with the request's arrival.
    pub fn begin(app: &App, request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            began: app.clock.now(),
            clock: Rc::clone(&app.clock),
            log: Rc::clone(&app.log),
        }
    }

    /// Returns the response, and writes the line when its body has ended or was dropped.
    pub fn end_with(self, mut response: Response, request_id: &str, route: &'static str) -> Response {
        let about = response.extensions_mut().remove::<About>().unwrap_or_default();
        let mut line = Map::new();
        line.insert("message".to_owned(), json!("A request was answered."));
        line.insert("http.method".to_owned(), json!(self.method.as_str()));
        line.insert("http.route".to_owned(), json!(route));
        line.insert("http.status".to_owned(), json!(response.status().as_u16()));
        line.insert("request.id".to_owned(), json!(request_id));
        if let Some(id) = about.run_id {
            line.insert("run.id".to_owned(), json!(id));
        }
        if let Some(id) = about.project_id {
            line.insert("project.id".to_owned(), json!(id));
        }
        let end = LineAtEnd { line, entry: self };
        response.map(|body| match body {
            Body::Stream(chunks) => {
                // The closure owns the line, so that it is written when the stream is dropped, however that happens.
                let passed = move |chunk| {
                    let _ = &end;
                    chunk
                };
                Body::Stream(chunks.map(passed).boxed_local())
            }
            Body::Proxied(chunks) => {
                let passed = move |chunk| {
                    let _ = &end;
                    chunk
                };
                Body::Proxied(chunks.map(passed).boxed_local())
            }
            whole => whole,
        })
    }
}

struct LineAtEnd {
    line: Map<String, Value>,
    entry: Entry,
}

impl Drop for LineAtEnd {
    fn drop(&mut self) {
        let took = self.entry.clock.now().0 - self.entry.began.0;
        let mut line = std::mem::take(&mut self.line);
        line.insert("duration_ms".to_owned(), json!(took));
        self.entry.log.write(Level::Info, Value::Object(line));
    }
}
