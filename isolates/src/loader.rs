//! Bindings of the Worker Loader, which workers-rs lacks: <https://developers.cloudflare.com/workers/runtime-apis/bindings/worker-loader/>.

use serde::Serialize;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Function, Object, Promise, Reflect};
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys;
use worker::{Context, Env, Error, Result};

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen)]
extern "C" {
    type WorkerLoader;
    #[wasm_bindgen(method, catch)]
    fn load(this: &WorkerLoader, code: &JsValue) -> std::result::Result<WorkerStub, JsValue>;

    type WorkerStub;
    #[wasm_bindgen(method, catch, js_name = getEntrypoint)]
    fn get_entrypoint(this: &WorkerStub) -> std::result::Result<Entrypoint, JsValue>;

    /// An entry point of an isolate.
    pub type Entrypoint;
    #[wasm_bindgen(method, catch, js_name = fetch)]
    fn fetch_request(this: &Entrypoint, request: &web_sys::Request) -> std::result::Result<Promise, JsValue>;
}

/// The code, limits and environment of an isolate.
pub struct Isolate<'a> {
    pub main_module: &'a str,
    /// Name → source. A name that ends in `.cjs` is that of a CommonJS module, all others are ES modules.
    pub modules: &'a [(&'a str, &'a str)],
    /// Compatibility date and flags.
    pub date: &'a str,
    pub flags: &'a [&'a str],
    /// CPU time of one call, in milliseconds. Local runtimes do not enforce it.
    pub cpu_ms: u32,
    /// Calls of `host` in one call. Local runtimes do not enforce it.
    pub subrequests: u32,
    /// The only binding of the isolate, as `env.HOST`. The isolate has no network.
    pub host: Option<JsValue>,
}

impl Isolate<'_> {
    /// Loads a fresh isolate, which runs for one execution only.
    ///
    /// # Errors
    /// When the deployment has no loader. An isolate whose code does not parse fails when it is called.
    pub fn load(&self, env: &Env) -> Result<Entrypoint> {
        let modules = Object::new();
        for (name, source) in self.modules {
            set(&modules, name, module(name, source)?)?;
        }
        let limits = Object::new();
        set(&limits, "cpuMs", self.cpu_ms)?;
        set(&limits, "subRequests", self.subrequests)?;
        let isolate_env = Object::new();
        if let Some(host) = &self.host {
            set(&isolate_env, "HOST", host)?;
        }
        let code = Object::new();
        set(&code, "compatibilityDate", self.date)?;
        set(
            &code,
            "compatibilityFlags",
            self.flags.iter().map(|flag| JsValue::from(*flag)).collect::<worker::js_sys::Array>(),
        )?;
        set(&code, "mainModule", self.main_module)?;
        set(&code, "modules", modules)?;
        set(&code, "env", isolate_env)?;
        set(&code, "limits", limits)?;
        // Without this property the isolate inherits the network of this Worker.
        set(&code, "globalOutbound", JsValue::NULL)?;
        let loader = Reflect::get(env.as_ref(), &"LOADER".into())?;
        if loader.is_undefined() {
            return Err(Error::BindingError("LOADER".to_owned()));
        }
        Ok(loader.unchecked_into::<WorkerLoader>().load(&code)?.get_entrypoint()?)
    }
}

impl Entrypoint {
    /// Calls the isolate.
    ///
    /// # Errors
    /// When its code does not load, or the isolate ends before it responds.
    pub async fn fetch(&self, request: &web_sys::Request) -> Result<worker::Response> {
        let response = JsFuture::from(self.fetch_request(request)?).await?;
        Ok(response.unchecked_into::<web_sys::Response>().into())
    }
}

/// A stub of this Worker's entry point `name` with `props`. No other Worker can make such a stub.
///
/// # Errors
/// When there is no such entry point.
pub fn own_entrypoint(context: &Context, name: &str, props: &impl Serialize) -> Result<JsValue> {
    let context: &JsValue = context.as_ref();
    let exports = Reflect::get(context, &"exports".into())?;
    let export: Function = Reflect::get(&exports, &name.into())?.dyn_into().map_err(Error::from)?;
    let options = Object::new();
    set(&options, "props", worker::js_sys::JSON::parse(&serde_json::to_string(props)?)?)?;
    // `export.call(…)` would be a call of a remote method named "call".
    Ok(Reflect::apply(&export, &exports, &worker::js_sys::Array::of1(&options))?)
}

/// A module as the loader takes it.
fn module(name: &str, source: &str) -> Result<JsValue> {
    if !name.ends_with(".cjs") {
        return Ok(source.into());
    }
    let module = Object::new();
    set(&module, "cjs", source)?;
    Ok(module.into())
}

fn set(object: &Object, name: &str, value: impl Into<JsValue>) -> Result<()> {
    Reflect::set(object, &name.into(), &value.into())?;
    Ok(())
}
