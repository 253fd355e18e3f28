//! An object's container: started, spoken to, watched and ended; workers-rs covers only a part of the interface.

use crate::platform::fetch;
use worker::js_sys::{Function, Object, Promise, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::worker_sys::DurableObjectState;
use worker::{Container, Error, Result, State};

/// Where the runner listens, as container/Dockerfile says.
const PORT: u16 = 8_000;
/// What the runtime says when nothing has accepted the connection: no byte of the request has arrived anywhere.
const NOT_LISTENING: &str = "not listening";

/// See the module.
pub struct ContainerHandle(State);

impl ContainerHandle {
    /// The container of the object whose state this is, where its class has one.
    pub fn of(state: &State) -> Option<Self> {
        state.container().map(|_| Self(handle(state)))
    }

    /// The state of the object that it belongs to.
    pub fn object(&self) -> &State {
        &self.0
    }

    /// Whether it is up or coming. It is asked whenever that matters: an open `monitor()` would tell, too, but keep the
    /// object in memory for as long as the container runs.
    pub fn is_running(&self) -> bool {
        self.container().is_ok_and(|container| container.running())
    }

    /// Starts it with these environment variables and with a way out, which its jails open and close by policy.
    pub fn start(&self, variables: &[(&str, &str)]) -> Result<()> {
        let (options, environment) = (Object::new(), Object::new());
        for (name, value) in variables {
            Reflect::set(&environment, &(*name).into(), &(*value).into())?;
        }
        Reflect::set(&options, &"enableInternet".into(), &true.into())?;
        // A plain object: the runtime silently ignores the Map that `ContainerStartupOptions` makes.
        Reflect::set(&options, &"env".into(), &environment)?;
        self.call("start", &[options.into()]).map(drop)
    }

    /// Lets it outlive this object's eviction by `milliseconds`.
    pub async fn outlive_object(&self, milliseconds: i64) -> Result<()> {
        let promise: Promise = self.call("setInactivityTimeout", &[(milliseconds as f64).into()])?.unchecked_into();
        JsFuture::from(promise).await.map(drop).map_err(Error::from)
    }

    /// Where the runner in it takes requests.
    pub fn runner(&self) -> Result<fetch::Target> {
        Ok(self.container()?.get_tcp_port(PORT)?.into_rpc())
    }

    /// Ends it. Ending what has ended changes nothing.
    pub async fn destroy(&self) -> Result<()> {
        self.container()?.destroy(None).await
    }

    fn container(&self) -> Result<Container> {
        self.0.container().ok_or_else(|| Error::RustError("This object has no container.".to_owned()))
    }

    fn call(&self, method: &str, arguments: &[JsValue]) -> Result<JsValue> {
        let container = self.container()?;
        let raw: &JsValue = container.as_ref();
        let function = Reflect::get(raw, &method.into())?.dyn_into::<Function>();
        let function = function.map_err(|_| Error::RustError(format!("The container has no {method}.")))?;
        Ok(function.apply(raw, &arguments.iter().cloned().collect())?)
    }
}

/// The same state once more, for those who outlive a borrow of it; workers-rs has no clone.
pub fn handle(state: &State) -> State {
    let raw: &JsValue = state.as_raw().as_ref();
    State::from(raw.clone().unchecked_into::<DurableObjectState>())
}

/// Whether an error of a request to a runner means that the request was not delivered.
pub fn is_undelivered(error: &Error) -> bool {
    error.to_string().contains(NOT_LISTENING)
}

/// An error without its stack.
pub fn first_line(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
