//! SQL databases: statements, and rows that are read column by column.

use crate::domain::timestamp::Timestamp;
use crate::ports::error::PortError;
use async_trait::async_trait;

/// A value in a query or a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqlValue {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// A query with its arguments, `?1` first.
#[derive(Debug, Clone)]
pub struct Statement {
    pub query: &'static str,
    pub args: Vec<SqlValue>,
}

/// A [`Statement`]: the query, then its arguments.
macro_rules! sql {
    ($query:expr $(, $arg:expr)* $(,)?) => {
        $crate::ports::sql::Statement { query: $query, args: vec![$($crate::ports::sql::SqlValue::from($arg)),*] }
    };
}
pub(crate) use sql;

/// The database of accounts.
#[async_trait(?Send)]
pub trait Sql {
    /// Runs a statement, and returns its rows. After an error a write may have taken effect.
    async fn query(&self, statement: Statement) -> Result<Vec<Row>, PortError>;

    /// The same for several statements, one after the other, in one transaction: all of them take effect or none, and
    /// no other statement comes between. Columns of one statement need different names.
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, PortError>;
}

/// An object's own database. Statements between two awaits take effect together or not at all.
pub trait LocalSql {
    /// Runs `query`, and returns all its rows.
    fn exec(&self, query: &str, args: &[SqlValue]) -> Result<Vec<Vec<SqlValue>>, PortError>;
}

/// A row, read column by column.
#[derive(Debug)]
pub struct Row(std::vec::IntoIter<SqlValue>);

impl Row {
    /// A row of these columns.
    pub fn new(columns: Vec<SqlValue>) -> Self {
        Self(columns.into_iter())
    }

    /// The next column, which is text.
    pub fn text(&mut self) -> Result<String, PortError> {
        self.optional_text()?.ok_or_else(|| PortError("A column of text is null.".to_owned()))
    }

    /// The next column, which is text or null.
    pub fn optional_text(&mut self) -> Result<Option<String>, PortError> {
        match self.0.next() {
            Some(SqlValue::Text(text)) => Ok(Some(text)),
            Some(SqlValue::Null) => Ok(None),
            other => Err(PortError(format!("A column should be text and is {other:?}."))),
        }
    }

    /// The next column, which is a whole number.
    pub fn integer(&mut self) -> Result<i64, PortError> {
        self.optional_integer()?.ok_or_else(|| PortError("A column of numbers is null.".to_owned()))
    }

    /// The next column, which is a whole number or null.
    pub fn optional_integer(&mut self) -> Result<Option<i64>, PortError> {
        match self.0.next() {
            Some(SqlValue::Integer(number)) => Ok(Some(number)),
            Some(SqlValue::Null) => Ok(None),
            other => Err(PortError(format!("A column should be a number and is {other:?}."))),
        }
    }

    /// The next column, which is a time.
    pub fn time(&mut self) -> Result<Timestamp, PortError> {
        self.integer().map(Timestamp)
    }

    /// The next column, which is a time or null.
    pub fn optional_time(&mut self) -> Result<Option<Timestamp>, PortError> {
        Ok(self.optional_integer()?.map(Timestamp))
    }
}

impl From<i64> for SqlValue {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for SqlValue {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for SqlValue {
    fn from(flag: bool) -> Self {
        Self::Integer(flag.into())
    }
}

impl From<Timestamp> for SqlValue {
    fn from(time: Timestamp) -> Self {
        Self::Integer(time.0)
    }
}

impl From<&str> for SqlValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for SqlValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for SqlValue {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl<T: Into<SqlValue>> From<Option<T>> for SqlValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
