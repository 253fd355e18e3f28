//! The names of the objects of a project's pool.

use std::fmt;

const PREFIX: &str = "pool:";
const SEPARATOR: char = '#';

/// The name of one object of a project's pool. Member 0 shares out the runs; each of the others only has a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolName {
    project: String,
    member: usize,
}

impl PoolName {
    /// The object that shares out the runs of a project.
    pub fn of_project(project_id: &str) -> Self {
        Self { project: project_id.to_owned(), member: 0 }
    }

    /// The pool that an object with this name belongs to; `None` when the name is not one of a pool.
    pub fn parse(name: &str) -> Option<Self> {
        let rest = name.strip_prefix(PREFIX)?;
        let (project, member) = match rest.split_once(SEPARATOR) {
            None => (rest, 0),
            Some((project, number)) => (project, number.parse().ok().filter(|number| *number > 0)?),
        };
        let parsed = Self { project: project.to_owned(), member };
        // Each object has one name: `#01` is none.
        (!project.is_empty() && parsed.to_string() == name).then_some(parsed)
    }

    /// Whether this object shares out the runs of its project.
    pub fn is_first(&self) -> bool {
        self.member == 0
    }

    /// The project of the pool.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The name of a member of the same pool.
    pub fn member(&self, member: usize) -> Self {
        Self { project: self.project.clone(), member }
    }
}

impl fmt::Display for PoolName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project, member } = self;
        match member {
            0 => write!(formatter, "{PREFIX}{project}"),
            member => write!(formatter, "{PREFIX}{project}{SEPARATOR}{member}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pool_object_name_unchanged() {
        let first = PoolName::of_project("proj_1");
        assert_eq!((first.to_string().as_str(), first.is_first()), ("pool:proj_1", true));
        let third = first.member(2);
        assert_eq!((third.to_string().as_str(), third.is_first()), ("pool:proj_1#2", false));
        for name in [first, third] {
            assert_eq!(PoolName::parse(&name.to_string()), Some(name));
        }
    }

    #[test]
    fn a_further_object_is_named_after_the_project_and_not_after_another_further_object() {
        assert_eq!(PoolName::of_project("proj_1").member(1).member(2).to_string(), "pool:proj_1#2");
    }

    #[test]
    fn other_names_are_no_pools() {
        for name in
            ["", "#1", "health", "pool:", "pool:#1", "project:a", "pool:a#", "pool:a#0", "pool:a#01", "pool:a#b#1"]
        {
            assert_eq!(PoolName::parse(name), None, "{name:?}");
        }
    }
}
