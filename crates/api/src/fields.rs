//! The names of a request's fields, taken from its type.

use serde::Deserialize;
use serde::de::value::Error;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

/// The fields of `T`, a struct without flattened fields, in the order in which the type lists them.
///
/// Serde tells a deserializer the names of a struct's fields before it reads anything, and this one asks for no more.
pub fn of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    let _ = T::deserialize(Names(&mut fields));
    fields
}

/// A deserializer that keeps the names and reads nothing.
struct Names<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Names<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("not a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(Error::custom("only its names were wanted"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use crate::runs::{Policy, RunRequest};

    #[test]
    fn names_are_those_of_the_wire() {
        let policy = ["timeoutMs", "cpuMs", "maxFileMB", "memoryMB", "maxOutputBytes", "allowNetwork", "allowedHosts"];
        assert_eq!(super::of::<Policy>(), policy);
        assert!(super::of::<RunRequest>().contains(&"userContext"));
        assert!(super::of::<String>().is_empty());
    }
}
