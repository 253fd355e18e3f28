//! The container of an object, through the runtime's interface; workers-rs covers only a part of it.

use crate::platform::fetch;
use crate::platform::object_storage::clone_state;
use crate::ports::{Container, PortError};
use async_trait::async_trait;
use worker::js_sys::{Function, Object, Promise, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Error, Result, State};

/// The port of the runner, as container/Dockerfile sets it.
const PORT: u16 = 8_000;

/// [`Container`] of the object with this state.
pub struct ContainerHandle {
    state: State,
    /// The image and the size, where the object chooses them at each start.
    choice: Option<(&'static str, &'static str)>,
}

impl ContainerHandle {
    /// The container of an object; `None` when the class of the object has none.
    pub fn of(state: &State) -> Option<Self> {
        Self::with(state, None)
    }

    /// The same for a class whose objects choose image and size: the image of this name in wrangler.toml, and an instance type.
    pub fn choosing(state: &State, image: &'static str, size: &'static str) -> Option<Self> {
        Self::with(state, Some((image, size)))
    }

    fn with(state: &State, choice: Option<(&'static str, &'static str)>) -> Option<Self> {
        state.container().map(|_| Self { state: clone_state(state), choice })
    }

    /// What takes requests to the runner in the container.
    pub fn runner(&self) -> Result<fetch::Target> {
        Ok(self.container()?.get_tcp_port(PORT)?.into_rpc())
    }

    fn container(&self) -> Result<worker::Container> {
        self.state.container().ok_or_else(|| Error::RustError("This object has no container.".to_owned()))
    }

    fn try_start(&self, variables: &[(&str, &str)]) -> Result<()> {
        let (options, environment) = (Object::new(), Object::new());
        for (name, value) in variables {
            Reflect::set(&environment, &(*name).into(), &(*value).into())?;
        }
        Reflect::set(&options, &"enableInternet".into(), &true.into())?;
        if let Some((image, size)) = self.choice {
            let container = self.container()?;
            let images = Reflect::get(container.as_ref(), &"images".into())?;
            Reflect::set(&options, &"image".into(), &Reflect::get(&images, &image.into())?)?;
            Reflect::set(&options, &"instance".into(), &size.into())?;
        }
        // A plain object: the runtime silently ignores the Map that `ContainerStartupOptions` makes.
        Reflect::set(&options, &"env".into(), &environment)?;
        self.call("start", &[options.into()]).map(drop)
    }

    async fn set_inactivity_timeout(&self, milliseconds: i64) -> Result<()> {
        let promise: Promise = self.call("setInactivityTimeout", &[(milliseconds as f64).into()])?.unchecked_into();
        JsFuture::from(promise).await.map(drop).map_err(Error::from)
    }

    fn call(&self, method: &str, arguments: &[JsValue]) -> Result<JsValue> {
        let container = self.container()?;
        let raw: &JsValue = container.as_ref();
        let function = Reflect::get(raw, &method.into())?.dyn_into::<Function>();
        let function = function.map_err(|_| Error::RustError(format!("The container has no {method}.")))?;
        Ok(function.apply(raw, &arguments.iter().cloned().collect())?)
    }
}

#[async_trait(?Send)]
impl Container for ContainerHandle {
    fn is_running(&self) -> bool {
        self.container().is_ok_and(|container| container.running())
    }

    fn start(&self, variables: &[(&str, &str)]) -> std::result::Result<(), PortError> {
        self.try_start(variables).map_err(failed)
    }

    async fn outlive_object(&self, milliseconds: i64) -> std::result::Result<(), PortError> {
        self.set_inactivity_timeout(milliseconds).await.map_err(failed)
    }

    async fn destroy(&self) -> std::result::Result<(), PortError> {
        let container = self.container().map_err(failed)?;
        container.destroy(None).await.map_err(failed)
    }
}

fn failed(error: Error) -> PortError {
    PortError(fetch::first_line(&error))
}
