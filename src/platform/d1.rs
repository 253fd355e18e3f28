//! The database of accounts, D1.

use crate::ports::{PortError, Row, Sql, SqlValue, Statement};
use async_trait::async_trait;
use worker::js_sys::{Array, Object, Uint8Array};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::worker_sys::{D1Database as DatabaseType, D1Result as ResultType};
use worker::{D1Database, D1PreparedStatement};

/// [`Sql`] over a D1 binding. A batch is one transaction there.
pub struct D1(pub D1Database);

impl D1 {
    fn prepare(&self, statement: Statement) -> worker::Result<D1PreparedStatement> {
        let args: Vec<JsValue> = statement.args.iter().map(to_js).collect();
        self.0.prepare(statement.query).bind(&args)
    }
}

#[async_trait(?Send)]
impl Sql for D1 {
    async fn query(&self, statement: Statement) -> Result<Vec<Row>, PortError> {
        let rows = self.prepare(statement).map_err(failed)?.raw_js_value().await.map_err(failed)?;
        rows.iter().map(|row| read(&Array::from(row))).collect()
    }

    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, PortError> {
        let statements = statements.into_iter().map(|statement| self.prepare(statement)).collect::<Result<_, _>>();
        let statements: Vec<D1PreparedStatement> = statements.map_err(failed)?;
        let statements: Array = statements.iter().map(|statement| statement.inner().clone()).collect();
        let database: &DatabaseType = self.0.as_ref().unchecked_ref();
        let results = async { JsFuture::from(database.batch(statements)?).await };
        let results = results.await.map_err(|error| failed(error.into()))?;
        // A batch gives its rows as objects, whose values are in the order of the columns.
        let rows = |result: JsValue| {
            let rows = result.unchecked_into::<ResultType>().results().ok().flatten().unwrap_or_default();
            rows.iter().map(|row| read(&Object::values(&row.into()))).collect()
        };
        Array::from(&results).iter().map(rows).collect()
    }
}

fn failed(error: worker::Error) -> PortError {
    PortError(format!("D1 failed: {error}"))
}

fn to_js(value: &SqlValue) -> JsValue {
    match value {
        SqlValue::Null => JsValue::NULL,
        // D1 takes numbers, which hold times in milliseconds exactly for 285,000 years.
        SqlValue::Integer(number) => JsValue::from_f64(*number as f64),
        SqlValue::Text(text) => JsValue::from_str(text),
        SqlValue::Blob(bytes) => Uint8Array::from(&bytes[..]).into(),
    }
}

fn read(columns: &Array) -> Result<Row, PortError> {
    columns.iter().map(|value| from_js(&value)).collect::<Result<_, _>>().map(Row::new)
}

fn from_js(value: &JsValue) -> Result<SqlValue, PortError> {
    if value.is_null() || value.is_undefined() {
        return Ok(SqlValue::Null);
    }
    if let Some(number) = value.as_f64().filter(|number| number.fract() == 0.0) {
        // Exact: no column of ours passes 2^53.
        return Ok(SqlValue::Integer(number as i64));
    }
    value.as_string().map(SqlValue::Text).ok_or_else(|| PortError("D1 gave a value of no known type.".to_owned()))
}
