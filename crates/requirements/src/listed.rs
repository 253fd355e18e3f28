//! What a file lists: requirements with their places.

/// A requirement, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub requirement: String,
    /// Where it stands, as messages say it: `line 3 of requirements.txt`.
    pub place: String,
}

/// What is wrong with a file: a clause that follows the name of the field.
pub type Wrong = String;

/// What is read of a file: each requirement, or what is wrong in its place.
pub type Lines = Vec<Result<Listed, Wrong>>;

/// The place of the first line of `text` that contains `part`.
pub fn place_of(text: &str, part: &str, file: &str) -> String {
    match text.lines().position(|line| line.contains(part)) {
        Some(index) => place(index + 1, file),
        None => file.to_owned(),
    }
}

pub fn place(line: usize, file: &str) -> String {
    format!("line {line} of {file}")
}
