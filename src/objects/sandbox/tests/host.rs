//! What the answers of a runner mean for a sandbox.

use super::*;
use crate::objects::container::runner::Runner;
use crate::objects::container::target::RunTarget;
use crate::objects::sandbox::host::RunnerHost;
use crate::ports::http_messages::Upgrade;
use crate::ports::sandboxes::{HostError, SandboxHost};
use crate::ports::{EventStream, RunnerHttp, RunnerRequest, RunnerResponse, SendError};
use docle_protocol::sandbox::{FileErrorCode, FileRequest};
use futures::future::LocalBoxFuture;
use futures::stream::{self, LocalBoxStream};

/// A runner that answers every request in the same way.
#[derive(Default)]
struct SameAnswer {
    /// Status and body; `None`: it never answers.
    answer: Option<Result<(u16, &'static str), SendError>>,
    asked: RefCell<Vec<String>>,
}

struct Response(u16, &'static str);

impl RunnerResponse for Response {
    fn status(&self) -> u16 {
        self.0
    }

    fn header(&self, _: &str) -> Option<String> {
        None
    }

    async fn bytes(&self) -> Result<Vec<u8>, PortError> {
        Ok(self.1.as_bytes().to_vec())
    }
}

impl EventStream for Response {
    type Piped = ();

    fn pipe(self) -> Result<((), LocalBoxFuture<'static, bool>), PortError> {
        unreachable!("nothing is piped")
    }

    fn into_socket(self) -> Option<Upgrade> {
        None
    }

    fn chunks(self) -> Result<LocalBoxStream<'static, Result<Vec<u8>, PortError>>, PortError> {
        Ok(stream::iter([Ok(self.1.as_bytes().to_vec())]).boxed_local())
    }
}

impl RunnerHttp for SameAnswer {
    type Body = Vec<u8>;
    type Response = Response;

    fn body(bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }

    async fn send(&self, request: RunnerRequest<'_, Vec<u8>>, _: Option<&ClientSignal>) -> Result<Response, SendError> {
        self.asked.borrow_mut().push(format!("{} {}", request.method, request.path));
        match self.answer.clone() {
            Some(answer) => answer.map(|(status, body)| Response(status, body)),
            None => std::future::pending().await,
        }
    }

    async fn send_stream(
        &self,
        request: RunnerRequest<'_, Vec<u8>>,
        _: ByteStream,
        _: Option<&ClientSignal>,
    ) -> Result<Response, SendError> {
        self.send(request, None).await
    }
}

/// What a request for the state gives, and how long it took.
fn asked(answer: Option<Result<(u16, &'static str), SendError>>) -> Result<u32, HostError> {
    let mut bench = ObjectBench::new();
    let host = host(&bench, answer).0;
    let task = bench.start(async move { host.state().await.map(|state| state.processes) });
    if !task.has_ended() {
        bench.pass_ms(60_000);
    }
    task.result()
}

fn host(
    bench: &ObjectBench,
    answer: Option<Result<(u16, &'static str), SendError>>,
) -> (RunnerHost<SameAnswer>, Rc<SameAnswer>) {
    let http = Rc::new(SameAnswer { answer, ..SameAnswer::default() });
    let clock = Rc::clone(&bench.runtime.clock);
    let target = RunTarget::Url(Runner::new(Rc::clone(&http), Rc::clone(&clock), "secret".into()));
    (RunnerHost { target, id: SandboxId::parse("sbx_aaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap(), clock }, http)
}

#[test]
fn each_answer_of_a_runner_has_its_meaning() {
    let state = r#"{"processes":2,"memMB":1,"diskBytes":0,"revision":0}"#;
    assert_eq!(asked(Some(Ok((200, state)))), Ok(2));
    let unknown = r#"{"code":"unknown_sandbox","message":"No."}"#;
    assert_eq!(asked(Some(Ok((404, unknown)))), Err(HostError::Unknown));
    // A runner that has no sandboxes at all has lost none.
    for (status, body) in
        [(404, r#"{"code":"not_found","message":"No."}"#), (503, r#"{"code":"busy","message":"No."}"#), (502, "<html>")]
    {
        assert!(matches!(asked(Some(Ok((status, body)))), Err(HostError::Unavailable(_))), "{status} {body}");
    }
    let file = r#"{"code":"not_found","message":"There is none."}"#;
    let Err(HostError::File(error)) = asked(Some(Ok((422, file)))) else { panic!("an error of a file") };
    assert_eq!(error.code, FileErrorCode::NotFound);
    let not_delivered = Some(Err(SendError::NotDelivered("away".into())));
    assert!(matches!(asked(not_delivered), Err(HostError::Unavailable(_))));
    assert!(matches!(asked(Some(Err(SendError::Lost("broken".into())))), Err(HostError::Lost(_))));
}

#[test]
fn a_runner_that_never_answered_held_its_sandbox_up_for_ever() {
    assert!(matches!(asked(None), Err(HostError::Lost(_))));
}

#[test]
fn a_command_that_has_ended_needs_no_end() {
    for body in [r#"{"code":"not_found","message":"No."}"#, r#"{"code":"unknown_sandbox","message":"No."}"#] {
        let mut bench = ObjectBench::new();
        let host = host(&bench, Some(Ok((404, body)))).0;
        assert_eq!(bench.run(async move { host.cancel("e").await }), Ok(()));
    }
}

#[test]
fn a_path_is_encoded_byte_by_byte() {
    let mut bench = ObjectBench::new();
    let (host, http) = host(&bench, Some(Ok((200, ""))));
    bench.run(async move { host.read("/a b/é&?#%.txt", None).await.map(drop) }).unwrap();
    let expected = "GET /v1/sandboxes/sbx_aaaaaaaaaaaaaaaaaaaaaaaaaa/content?path=/a%20b/%C3%A9%26%3F%23%25.txt";
    assert_eq!(*http.asked.borrow(), [expected]);
}

#[test]
fn an_operation_on_files_is_a_request() {
    let mut bench = ObjectBench::new();
    let (host, http) = host(&bench, Some(Ok((200, r#"{"type":"deleted"}"#))));
    let delete = FileRequest::Delete { path: "a".into(), recursive: false };
    bench.run(async move { host.files(&delete).await.map(drop) }).unwrap();
    assert_eq!(*http.asked.borrow(), ["POST /v1/sandboxes/sbx_aaaaaaaaaaaaaaaaaaaaaaaaaa/files"]);
}
