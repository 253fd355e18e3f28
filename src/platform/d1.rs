//! The database of accounts, D1.

use crate::ports::{PortError, Sql, SqlValue};
use async_trait::async_trait;
use worker::D1Database;
use worker::js_sys::{Array, Uint8Array};
use worker::wasm_bindgen::JsValue;

/// [`Sql`] over a D1 binding.
pub struct D1(pub D1Database);

#[async_trait(?Send)]
impl Sql for D1 {
    async fn first(&self, query: &str, args: &[SqlValue]) -> Result<Option<Vec<String>>, PortError> {
        let failed = |error: worker::Error| PortError(format!("D1 failed: {error}"));
        let args: Vec<JsValue> = args.iter().map(to_js).collect();
        let rows = self.0.prepare(query).bind(&args).map_err(failed)?.raw_js_value().await.map_err(failed)?;
        Ok(rows
            .first()
            .map(|row| Array::from(row).iter().map(|column| column.as_string().unwrap_or_default()).collect()))
    }
}

fn to_js(value: &SqlValue) -> JsValue {
    match value {
        // D1 takes numbers, which hold times in milliseconds exactly for 285,000 years.
        SqlValue::Integer(number) => JsValue::from_f64(*number as f64),
        SqlValue::Text(text) => JsValue::from_str(text),
        SqlValue::Blob(bytes) => Uint8Array::from(&bytes[..]).into(),
    }
}
