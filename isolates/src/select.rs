//! Structured queries: parses the query object of a script into SQL with bound values.

use serde_json::{Map, Value};

/// Rows of a result when a query names no `limit`.
const DEFAULT_LIMIT: u64 = 100;
/// Rows of any result.
const MAX_LIMIT: u64 = 1_000;
/// Rows that a query may skip.
const MAX_OFFSET: u64 = 1_000_000;
/// Values in one query. D1 binds at most 100.
const MAX_VALUES: usize = 100;
/// Bytes of a name.
const MAX_NAME_BYTES: usize = 64;

const FIELDS: [&str; 6] = ["from", "columns", "where", "orderBy", "limit", "offset"];
const COMPARISONS: [(&str, &str); 7] =
    [("eq", "="), ("ne", "<>"), ("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<="), ("like", "LIKE")];

/// A query that only reads: the SQL contains no text of the script but checked names.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    pub sql: String,
    /// Strings, numbers, booleans and nulls, in the order of the placeholders.
    pub values: Vec<Value>,
}

/// Parses `query`: `{select: {from, columns, where, orderBy, limit, offset}}`.
///
/// `where` maps columns to values or to comparisons such as `{gt: 5}`, `{in: [1, 2]}` and `{like: "a%"}`; all of them must
/// hold. `orderBy` is a column, or a list of columns and `{column, direction}`.
///
/// # Errors
/// With a sentence that names what is wrong.
pub fn read(query: &Value) -> Result<Select, String> {
    let select = match query.as_object() {
        Some(query) if query.len() == 1 => query.get("select").and_then(Value::as_object),
        _ => None,
    };
    let select = select.ok_or("db() takes { select: { from: \"table\", … } } and nothing else: it only reads.")?;
    if let Some(unknown) = select.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(format!("select.{unknown} is unknown; a select has {}.", FIELDS.join(", ")));
    }
    let from = name("select.from", select.get("from").unwrap_or(&Value::Null))?;
    let is_internal = |prefix| from.trim_start_matches('`').to_ascii_lowercase().starts_with(prefix);
    // SQLite has tables for pragmas: `pragma_table_list` lists all tables.
    if ["sqlite_", "pragma_", "_cf_", "d1_"].into_iter().any(is_internal) {
        return Err("select.from names a table of the database's own.".to_owned());
    }
    let columns = match select.get("columns") {
        None => "*".to_owned(),
        Some(Value::Array(names)) if !names.is_empty() => {
            names.iter().map(|one| name("select.columns", one)).collect::<Result<Vec<_>, _>>()?.join(", ")
        }
        Some(_) => return Err("select.columns must be a list of columns.".to_owned()),
    };
    let mut values = Vec::new();
    let mut sql = format!("SELECT {columns} FROM {from}");
    if let Some(conditions) = select.get("where") {
        let conditions = conditions.as_object().ok_or("select.where must be an object of columns.")?;
        let conditions = conditions.iter().map(|(column, wanted)| condition(column, wanted, &mut values));
        let conditions = conditions.collect::<Result<Vec<_>, _>>()?;
        if !conditions.is_empty() {
            sql = format!("{sql} WHERE {}", conditions.join(" AND "));
        }
    }
    if values.len() > MAX_VALUES {
        return Err(format!("select.where has more than {MAX_VALUES} values."));
    }
    if let Some(order) = select.get("orderBy") {
        let order = match order {
            Value::Array(order) => order.iter().map(direction).collect::<Result<Vec<_>, _>>()?.join(", "),
            one => direction(one)?,
        };
        sql = format!("{sql} ORDER BY {order}");
    }
    let limit = number(select, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)?;
    let offset = number(select, "offset", 0, 0, MAX_OFFSET)?;
    Ok(Select { sql: format!("{sql} LIMIT {limit} OFFSET {offset}"), values })
}

/// A table or column in backticks. SQLite reads a missing column in double quotes as a string.
fn name(field: &str, value: &Value) -> Result<String, String> {
    let is_name = |text: &str| {
        (1..=MAX_NAME_BYTES).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !text.starts_with(|first: char| first.is_ascii_digit())
    };
    match value.as_str() {
        Some(text) if is_name(text) => Ok(format!("`{text}`")),
        _ => Err(format!("{field} must be a name of letters, digits and underscores.")),
    }
}

fn condition(column: &str, wanted: &Value, values: &mut Vec<Value>) -> Result<String, String> {
    let field = format!("select.where.{}", column.chars().take(MAX_NAME_BYTES).collect::<String>());
    let column = name(&field, &Value::from(column))?;
    match wanted {
        Value::Null => Ok(format!("{column} IS NULL")),
        Value::Object(comparisons) if !comparisons.is_empty() => {
            let all = comparisons.iter().map(|(comparison, value)| compare(&field, &column, comparison, value, values));
            Ok(all.collect::<Result<Vec<_>, _>>()?.join(" AND "))
        }
        Value::Array(_) | Value::Object(_) => {
            Err(format!("{field} must be a value, or an object such as {{ in: [1, 2] }}."))
        }
        value => {
            values.push(value.clone());
            Ok(format!("{column} = ?"))
        }
    }
}

fn compare(
    field: &str,
    column: &str,
    comparison: &str,
    value: &Value,
    values: &mut Vec<Value>,
) -> Result<String, String> {
    match (comparison, value) {
        ("in", Value::Array(options)) if options.iter().all(is_scalar) => {
            values.extend(options.iter().cloned());
            Ok(format!("{column} IN ({})", vec!["?"; options.len()].join(", ")))
        }
        ("in", _) => Err(format!("{field}.in must be a list of values.")),
        ("ne", Value::Null) => Ok(format!("{column} IS NOT NULL")),
        ("eq", Value::Null) => Ok(format!("{column} IS NULL")),
        (_, value) => {
            let Some((_, operator)) = COMPARISONS.iter().find(|(name, _)| *name == comparison) else {
                let known: Vec<&str> = COMPARISONS.iter().map(|(name, _)| *name).collect();
                return Err(format!("{field} knows {} and in.", known.join(", ")));
            };
            if !is_scalar(value) || value.is_null() {
                return Err(format!("{field}.{comparison} must be a string, a number or a boolean."));
            }
            values.push(value.clone());
            Ok(format!("{column} {operator} ?"))
        }
    }
}

fn is_scalar(value: &Value) -> bool {
    !(value.is_array() || value.is_object())
}

fn direction(order: &Value) -> Result<String, String> {
    let wrong = || {
        "select.orderBy must be a column, or { column, direction: \"asc\" or \"desc\" }, or a list of those.".to_owned()
    };
    match order {
        Value::Object(order) if order.keys().all(|key| matches!(key.as_str(), "column" | "direction")) => {
            let column = name("select.orderBy.column", order.get("column").unwrap_or(&Value::Null))?;
            match order.get("direction").map_or(Some("asc"), Value::as_str) {
                Some("asc") => Ok(column),
                Some("desc") => Ok(format!("{column} DESC")),
                _ => Err(wrong()),
            }
        }
        Value::String(_) => name("select.orderBy", order),
        _ => Err(wrong()),
    }
}

fn number(select: &Map<String, Value>, field: &str, default: u64, low: u64, high: u64) -> Result<u64, String> {
    match select.get(field) {
        None => Ok(default),
        Some(value) => value
            .as_u64()
            .filter(|number| (low..=high).contains(number))
            .ok_or_else(|| format!("select.{field} must be a whole number from {low} to {high}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Ids of the rows that a query finds in SQLite, the engine of D1.
    fn found(query: &Value) -> Vec<i64> {
        let database = rusqlite::Connection::open_in_memory().unwrap();
        database
            .execute_batch(
                "CREATE TABLE things (id INTEGER, ns TEXT, `order` INTEGER, note TEXT);
                 INSERT INTO things VALUES (1, 'wiki', 3, NULL), (2, 'wiki', 1, 'a'), (3, 'news', 2, 'b''; --');",
            )
            .unwrap();
        let select = read(query).unwrap();
        let values = select.values.iter().map(|value| match value {
            Value::String(text) => rusqlite::types::Value::from(text.clone()),
            Value::Number(number) => number.as_f64().unwrap_or_default().into(),
            Value::Bool(truth) => i64::from(*truth).into(),
            _ => rusqlite::types::Value::Null,
        });
        let mut statement = database.prepare(&select.sql).unwrap();
        assert!(statement.readonly());
        let rows = statement.query_map(rusqlite::params_from_iter(values), |row| row.get("id")).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn queries_find_their_rows() {
        for (select, ids) in [
            (json!({ "from": "things" }), vec![1, 2, 3]),
            (json!({ "from": "things", "where": { "ns": "wiki", "order": 1 } }), vec![2]),
            (json!({ "from": "things", "limit": 1, "offset": 1 }), vec![2]),
            (json!({ "from": "things", "orderBy": "order" }), vec![2, 3, 1]),
            (json!({ "from": "things", "orderBy": [{ "column": "ns", "direction": "desc" }, "order"] }), vec![2, 1, 3]),
            (json!({ "from": "things", "where": { "id": { "gt": 1, "lte": 3 } } }), vec![2, 3]),
            (json!({ "from": "things", "where": { "id": { "in": [1, 3] } } }), vec![1, 3]),
            (json!({ "from": "things", "where": { "id": { "in": [] } } }), vec![]),
            (json!({ "from": "things", "where": { "note": null } }), vec![1]),
            (json!({ "from": "things", "where": { "note": { "ne": null } } }), vec![2, 3]),
            (json!({ "from": "things", "where": { "note": { "like": "b%" } } }), vec![3]),
            (json!({ "from": "things", "where": { "note": "b'; --" } }), vec![3]),
            (json!({ "from": "things", "columns": ["id", "note"], "where": {} }), vec![1, 2, 3]),
            (json!({ "from": "things", "where": { "ns": "' OR 1=1 --" } }), vec![]),
        ] {
            assert_eq!(found(&json!({ "select": select })), ids, "{select}");
        }
    }

    #[test]
    fn invalid_queries_are_named() {
        for (query, word) in [
            (json!("SELECT 1"), "only reads"),
            (json!({ "insert": {} }), "only reads"),
            (json!({ "select": { "from": "a" }, "delete": 1 }), "only reads"),
            (json!({ "select": {} }), "select.from"),
            (json!({ "select": { "from": "a; DROP TABLE a" } }), "select.from"),
            (json!({ "select": { "from": "a`" } }), "select.from"),
            (json!({ "select": { "from": "PRAGMA_table_list" } }), "own"),
            (json!({ "select": { "from": "sqlite_master" } }), "own"),
            (json!({ "select": { "from": "SQLITE_schema" } }), "own"),
            (json!({ "select": { "from": "_cf_KV" } }), "own"),
            (json!({ "select": { "from": "a", "columns": ["*"] } }), "select.columns"),
            (json!({ "select": { "from": "a", "columns": ["count(*)"] } }), "select.columns"),
            (json!({ "select": { "from": "a", "where": { "b = 1 OR c": 1 } } }), "select.where.b = 1"),
            (json!({ "select": { "from": "a", "where": { "b": [1] } } }), "select.where.b"),
            (json!({ "select": { "from": "a", "where": { "b": { "regexp": "x" } } } }), "select.where.b"),
            (json!({ "select": { "from": "a", "where": { "b": { "gt": null } } } }), "select.where.b.gt"),
            (json!({ "select": { "from": "a", "orderBy": "random()" } }), "select.orderBy"),
            (
                json!({ "select": { "from": "a", "orderBy": { "column": "b", "direction": "desc; x" } } }),
                "select.orderBy",
            ),
            (json!({ "select": { "from": "a", "limit": 1001 } }), "select.limit"),
            (json!({ "select": { "from": "a", "limit": "1" } }), "select.limit"),
            (json!({ "select": { "from": "a", "offset": -1 } }), "select.offset"),
            (json!({ "select": { "from": "a", "join": "b" } }), "select.join"),
            (json!({ "select": { "from": "a", "where": { "b": { "in": vec![1; 101] } } } }), "more than 100"),
        ] {
            let message = read(&query).unwrap_err();
            assert!(message.contains(word), "{query}: {message}");
        }
    }
}
