//! Pages of long lists: where one ends and the next begins.

use crate::domain::input::problem::FieldError;
use crate::domain::timestamp::Timestamp;

pub use docle_api::limits::{DEFAULT_PAGE_LIMIT as DEFAULT_LIMIT, PAGE_LIMIT as LIMIT};
use serde::{Deserialize, Serialize};

/// A place in a list that is sorted by time and then by id, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub at: Timestamp,
    pub id: String,
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    limit: u32,
    after: Option<Position>,
}

impl Page {
    /// The page that the query parameters `limit` and `cursor` ask for.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(limit: Option<&str>, cursor: Option<&str>) -> Result<Self, Vec<FieldError>> {
        let wrong = |field: &str, message: String| Err(vec![FieldError { field: field.to_owned(), message }]);
        let limit = match limit.map(str::parse) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit)) if LIMIT.contains(&limit) => limit,
            Some(_) => return wrong("limit", format!("must be an integer from {} to {}", LIMIT.start(), LIMIT.end())),
        };
        let after = match cursor.map(read_cursor) {
            None => None,
            Some(Some(position)) => Some(position),
            Some(None) => return wrong("cursor", "must be the next_cursor of an earlier page".to_owned()),
        };
        Ok(Self { limit, after })
    }

    /// The beginning of a list.
    pub const fn first() -> Self {
        Self { limit: DEFAULT_LIMIT, after: None }
    }

    /// The page after a cursor that this service has made, with `limit` items.
    pub fn of(limit: u32, cursor: Option<&str>) -> Self {
        Self { limit, after: cursor.and_then(read_cursor) }
    }

    /// What the page comes after; the first page comes after the end of time.
    pub fn after(&self) -> Position {
        self.after.clone().unwrap_or(Position { at: Timestamp(i64::MAX >> 11), id: String::new() })
    }

    /// How many rows to ask for: one more than are shown tells whether there is a next page.
    pub const fn rows(&self) -> u32 {
        self.limit + 1
    }

    /// Whether it is the first one.
    pub const fn is_first(&self) -> bool {
        self.after.is_none()
    }

    /// The items of this page out of `rows`, and the cursor of the next one.
    pub fn cut<T>(&self, mut rows: Vec<T>, position: impl Fn(&T) -> Position) -> (Vec<T>, Option<String>) {
        let shown = self.limit as usize;
        if rows.len() <= shown {
            return (rows, None);
        }
        rows.truncate(shown);
        let next = rows.last().map(|last| write_cursor(&position(last)));
        (rows, next)
    }
}

/// Hexadecimal, so that clients treat it as opaque.
fn write_cursor(Position { at, id }: &Position) -> String {
    hex::encode(format!("{}.{id}", at.0))
}

fn read_cursor(text: &str) -> Option<Position> {
    let text = String::from_utf8(hex::decode(text).ok()?).ok()?;
    let (at, id) = text.split_once('.')?;
    Some(Position { at: Timestamp(at.parse().ok()?), id: id.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let first = Page::parse(Some("2"), None).unwrap();
        assert_eq!(first.rows(), 3);
        let position = |n: &i64| Position { at: Timestamp(*n), id: format!("id_{n}") };
        let (items, next) = first.cut(vec![9, 8, 7], position);
        assert_eq!(items, [9, 8]);
        let second = Page::parse(Some("2"), next.as_deref()).unwrap();
        assert_eq!(second.after(), position(&8));
        assert_eq!(second.cut(vec![7, 6], position), (vec![7, 6], None));
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for (limit, cursor, field) in [
            (Some("0"), None, "limit"),
            (Some("101"), None, "limit"),
            (Some("x"), None, "limit"),
            (Some(""), None, "limit"),
            (None, Some(""), "cursor"),
            (None, Some("zz"), "cursor"),
            (None, Some("ff"), "cursor"),
            (None, Some("61"), "cursor"),
        ] {
            assert_eq!(Page::parse(limit, cursor).unwrap_err()[0].field, field, "{limit:?} {cursor:?}");
        }
    }
}
