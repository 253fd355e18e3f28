//! The same SQL engine as D1 and object storage.

use crate::ports::{LocalSql, PortError, Row, Sql, SqlValue, Statement};
use async_trait::async_trait;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};
use std::cell::Cell;

/// A database in memory, and how many statements it has carried out for the application.
pub struct Sqlite(Connection, Cell<usize>);

impl Sqlite {
    /// Without any tables.
    pub fn empty() -> Self {
        Self(Connection::open_in_memory().unwrap(), Cell::default())
    }

    /// With every migration applied, in order.
    pub fn migrated() -> Self {
        let sqlite = Self::empty();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(!files.is_empty());
        for file in files {
            sqlite.0.execute_batch(&std::fs::read_to_string(file).unwrap()).unwrap();
        }
        sqlite
    }

    /// Runs statements that set a test up.
    pub fn run(&self, statements: &str) {
        self.0.execute_batch(statements).unwrap();
    }
}

impl Sqlite {
    /// The first column of a query's rows, which is text.
    pub fn texts(&self, query: &str) -> Vec<String> {
        let rows = self.exec(query, &[]).unwrap();
        rows.into_iter().map(|row| Row::new(row).text().unwrap()).collect()
    }
}

impl Sqlite {
    /// Everything in a table.
    pub fn dump(&self, table: &str) -> Vec<Vec<SqlValue>> {
        self.exec(&format!("SELECT * FROM {table}"), &[]).unwrap()
    }

    /// How many statements the application has sent so far.
    pub fn statements(&self) -> usize {
        self.1.get()
    }

    /// How a query is carried out, step by step.
    pub fn plan(&self, query: &str) -> Vec<String> {
        let mut statement = self.0.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let rows = statement.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>();
        rows.unwrap()
    }
}

impl ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            // A Worker's numbers are JavaScript's, and reach the engine as floating point: `?1 / 2` has a fraction.
            Self::Integer(number) => ValueRef::Real(*number as f64),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl LocalSql for Sqlite {
    fn exec(&self, query: &str, args: &[SqlValue]) -> Result<Vec<Vec<SqlValue>>, PortError> {
        self.1.set(self.1.get() + 1);
        let failed = |error: rusqlite::Error| PortError(error.to_string());
        let mut statement = self.0.prepare(query).map_err(failed)?;
        let columns = statement.column_count();
        let rows = statement.query_map(params_from_iter(args), |row| {
            (0..columns)
                .map(|column| {
                    Ok(match row.get::<_, Value>(column)? {
                        Value::Null => SqlValue::Null,
                        Value::Integer(number) => SqlValue::Integer(number),
                        Value::Real(number) if number.fract() == 0.0 => SqlValue::Integer(number as i64),
                        Value::Text(text) => SqlValue::Text(text),
                        Value::Blob(bytes) => SqlValue::Blob(bytes),
                        other => panic!("no column of ours holds {other:?}"),
                    })
                })
                .collect()
        });
        rows.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)
    }
}

#[async_trait(?Send)]
impl Sql for Sqlite {
    async fn query(&self, statement: Statement) -> Result<Vec<Row>, PortError> {
        Ok(self.exec(statement.query, &statement.args)?.into_iter().map(Row::new).collect())
    }

    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, PortError> {
        self.run("BEGIN");
        let mut results = Vec::new();
        for statement in statements {
            match self.query(statement).await {
                Ok(rows) => results.push(rows),
                Err(error) => {
                    self.run("ROLLBACK");
                    return Err(error);
                }
            }
        }
        self.run("COMMIT");
        Ok(results)
    }
}
