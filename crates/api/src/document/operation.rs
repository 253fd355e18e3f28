//! What an operation is: who calls it, what it takes, and everything that it can answer with.

use crate::document::example::Example;
use crate::document::headers::Header;
use crate::document::parameters::Parameter;
use crate::document::schema::Type;
use crate::errors::ErrorCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// One thing that the API can be asked.
pub struct Operation {
    /// The name: that of its handler in the Worker.
    pub id: &'static str,
    pub method: Method,
    /// The path; a segment that begins with a colon stands for any text.
    pub path: &'static str,
    pub tag: Tag,
    pub caller: Caller,
    pub summary: &'static str,
    pub description: &'static str,
    pub parameters: Vec<Parameter>,
    pub request: Option<Request>,
    pub successes: Vec<Success>,
    /// Every code of an error that it can answer with, but `internal` and `service_unavailable`, which all have.
    pub errors: Vec<ErrorCode>,
    /// The messages of a WebSocket.
    pub messages: Option<Messages>,
    /// Every answer to a call with a valid key tells of the key's limit.
    pub tells_rate: bool,
}

/// A method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// The name in the document.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// Who may call, which also says by what a call is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Anyone, but no page of another site.
    Anyone,
    /// Anyone on their way to a session, from the service's own pages.
    Visitor,
    /// The holder of an API key.
    Key,
    /// The holder of an API key or of a run token.
    KeyOrToken,
    /// The holder of a secret API key or of a run token.
    SecretKeyOrToken,
    /// The same, through a WebSocket.
    KeyOrTokenSocket,
    /// Anyone; a key or a session shows more.
    Reader,
    /// The holder of an API key or of a run token, or an account that is signed in.
    Owner,
    /// The holder of a secret API key, or the owner of its project, signed in.
    KeyOrOwner,
    /// An account that is signed in, from the service's own pages.
    Session,
    /// The same, or a server with a management token for the project.
    Manager,
    /// The holder of a token for the room, or of an API key of its project.
    RoomMember,
    /// The same, and anyone where the room is open.
    RoomGuest,
    /// The same, through a WebSocket.
    RoomSocket,
}

/// What an operation belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    Runs,
    Scripts,
    Rooms,
    Sandboxes,
    Projects,
    Keys,
    Usage,
    Accounts,
    Service,
}

impl Tag {
    /// Every tag, in the order of the document.
    pub const ALL: [Self; 9] = [
        Self::Runs,
        Self::Scripts,
        Self::Rooms,
        Self::Sandboxes,
        Self::Projects,
        Self::Keys,
        Self::Usage,
        Self::Accounts,
        Self::Service,
    ];

    /// The name and what belongs there.
    pub const fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::Runs => ("Runs", "Programs in any language, each run once in a jail of its own."),
            Self::Scripts => ("Scripts", "JavaScript and TypeScript, each run once in an isolate of its own."),
            Self::Rooms => ("Rooms", "Programs that several people edit and run together."),
            Self::Sandboxes => ("Sandboxes", "Machines of one's own, whose files stay until they are deleted."),
            Self::Projects => ("Projects", "What keys and runs belong to."),
            Self::Keys => ("Keys", "API keys, with their limits and domains."),
            Self::Usage => ("Usage", "What a project was used for, and the runs for one end user."),
            Self::Accounts => ("Accounts", "Signing in by a link in a mail, sessions, and everything that is kept."),
            Self::Service => ("Service", "What this service is, and whether it works."),
        }
    }
}

/// The body that an operation takes.
pub struct Request {
    /// How many bytes it may have.
    pub max_bytes: usize,
    /// The kinds of body, of which a request is one; each with its media type and an example.
    pub bodies: Vec<Body>,
    /// Whether a request without a body is taken, as one without fields.
    pub is_optional: bool,
}

/// A body: its media type, its schema and an example.
pub struct Body {
    pub media_type: &'static str,
    /// Its name among the examples.
    pub name: &'static str,
    pub one: Option<Type>,
    pub example: Value,
}

impl Body {
    /// A JSON body of type `T`.
    pub fn json<T: JsonSchema + Example + Serialize>() -> Self {
        Self::of::<T>("application/json")
    }

    /// A body of type `T` in another media type.
    pub fn of<T: JsonSchema + Example + Serialize>(media_type: &'static str) -> Self {
        let example = serde_json::to_value(T::example()).expect("an example is plain data, which always encodes");
        Self { media_type, name: T::NAME, one: Some(Type::of::<T>()), example }
    }

    /// A text.
    pub fn text(media_type: &'static str, example: &str) -> Self {
        Self { media_type, name: "text", one: None, example: example.into() }
    }
}

/// A response that is no error.
pub struct Success {
    pub status: u16,
    pub description: &'static str,
    pub headers: Vec<Header>,
    pub bodies: Vec<Body>,
}

/// The messages of a WebSocket.
pub struct Messages {
    pub from_client: Vec<Type>,
    pub from_server: Vec<Type>,
}

impl Operation {
    /// An operation that takes and gives nothing yet.
    pub fn new(
        id: &'static str,
        (method, path): (Method, &'static str),
        (tag, caller): (Tag, Caller),
        summary: &'static str,
        description: &'static str,
    ) -> Self {
        let one = Self {
            id,
            method,
            path,
            tag,
            caller,
            summary,
            description,
            parameters: Vec::new(),
            request: None,
            successes: Vec::new(),
            errors: Vec::new(),
            messages: None,
            tells_rate: false,
        };
        one.fails(caller.errors())
    }

    /// The same operation with this parameter.
    pub fn with(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// The same operation, a page of a list.
    pub fn paged(self) -> Self {
        self.with(Parameter::Limit).with(Parameter::Cursor).fails(&[ErrorCode::InvalidRequest])
    }

    /// The same operation, which takes one of these bodies.
    pub fn takes(mut self, max_bytes: usize, bodies: Vec<Body>) -> Self {
        self.request = Some(Request { max_bytes, bodies, is_optional: false });
        self.fails(&[
            ErrorCode::InvalidJson,
            ErrorCode::InvalidRequest,
            ErrorCode::IncompleteBody,
            ErrorCode::BodyTooLarge,
        ])
    }

    /// The same operation, whose body may be left out.
    pub fn body_is_optional(mut self) -> Self {
        if let Some(request) = &mut self.request {
            request.is_optional = true;
        }
        self
    }

    /// The same operation, which answers with JSON.
    pub fn gives<T: JsonSchema + Example + Serialize>(self, status: u16, description: &'static str) -> Self {
        self.answers(Success { status, description, headers: Vec::new(), bodies: vec![Body::json::<T>()] })
    }

    /// The same operation, which answers without a body.
    pub fn empty(self, status: u16, description: &'static str) -> Self {
        self.answers(Success { status, description, headers: Vec::new(), bodies: Vec::new() })
    }

    /// The same operation with this response.
    pub fn answers(mut self, success: Success) -> Self {
        self.successes.push(success);
        self
    }

    /// The same operation, whose last response has this header.
    pub fn header(mut self, header: Header) -> Self {
        if let Some(last) = self.successes.last_mut() {
            last.headers.push(header);
        }
        self
    }

    /// The same operation, which can answer with these errors.
    pub fn fails(mut self, codes: &[ErrorCode]) -> Self {
        self.errors.extend(codes);
        self.errors.sort();
        self.errors.dedup();
        self
    }

    /// The same operation, which counts against the limit of the key and tells so.
    pub fn tells_rate(mut self) -> Self {
        self.tells_rate = true;
        self.fails(&[ErrorCode::RateLimitExceeded])
    }

    /// The same operation, which changes something: the call has to come from the service's own pages, and
    /// a body in a type that pages of other sites cannot send.
    pub fn changes(self) -> Self {
        let has_type = self.method != Method::Delete;
        let one = self.fails(&[ErrorCode::ForeignOrigin]);
        if has_type { one.fails(&[ErrorCode::UnsupportedMediaType]) } else { one }
    }

    /// The same operation as a WebSocket with these messages.
    pub fn socket(mut self, from_client: Vec<Type>, from_server: Vec<Type>) -> Self {
        self.messages = Some(Messages { from_client, from_server });
        self
    }
}

impl Caller {
    /// The errors of a call that may not be made.
    const fn errors(self) -> &'static [ErrorCode] {
        use ErrorCode::*;
        match self {
            Self::Anyone | Self::Visitor => &[],
            Self::Key => &[ApiKeyRequired, InvalidApiKey, TokenNotEnough, DomainNotAllowed, AccountSuspended],
            Self::KeyOrToken | Self::SecretKeyOrToken | Self::KeyOrTokenSocket => {
                &[ApiKeyRequired, InvalidApiKey, InvalidToken, DomainNotAllowed, AccountSuspended]
            }
            Self::Reader => &[InvalidApiKey, InvalidToken, DomainNotAllowed, AccountSuspended],
            Self::Owner => {
                &[InvalidApiKey, InvalidToken, DomainNotAllowed, AccountSuspended, SessionRequired, ForeignOrigin]
            }
            Self::KeyOrOwner => &[
                InvalidApiKey,
                TokenNotEnough,
                DomainNotAllowed,
                AccountSuspended,
                SessionRequired,
                ForeignOrigin,
                RateLimitExceeded,
            ],
            Self::Session => &[SessionRequired, AccountSuspended],
            Self::Manager => &[SessionRequired, InvalidApiKey, TokenNotEnough, AccountSuspended, RateLimitExceeded],
            Self::RoomMember | Self::RoomGuest | Self::RoomSocket => {
                &[RoomTokenRequired, InvalidApiKey, DomainNotAllowed, AccountSuspended, RoomNotFound]
            }
        }
    }

    /// The ways to authenticate a call, of which one is enough; an empty name stands for none.
    pub const fn security(self) -> &'static [&'static str] {
        match self {
            Self::Anyone | Self::Visitor => &[],
            Self::Key => &["apiKey", "apiKeyHeader"],
            Self::KeyOrToken => &["apiKey", "apiKeyHeader", "publishableKey", "runToken"],
            Self::SecretKeyOrToken => &["apiKey", "apiKeyHeader", "runToken"],
            Self::KeyOrTokenSocket => &["apiKey", "apiKeyHeader", "apiKeyProtocol", "publishableKey", "runToken"],
            Self::Reader => &["", "apiKey", "apiKeyHeader", "runToken", "session"],
            Self::Owner => &["apiKey", "apiKeyHeader", "runToken", "session"],
            Self::KeyOrOwner => &["apiKey", "apiKeyHeader", "session"],
            Self::Session => &["session"],
            Self::Manager => &["session", "managementToken"],
            Self::RoomMember => &["apiKey", "roomToken"],
            Self::RoomGuest => &["", "apiKey", "roomToken"],
            Self::RoomSocket => &["", "apiKey", "roomToken", "roomTokenProtocol"],
        }
    }
}
