//! Lists of hosts: what an entry stands for, wherever one is held against a name.

/// Whether an entry stands for a host: `*.example.com` for its subdomains of any depth and not for itself, anything else
/// for what it says. Both are in lower case.
pub fn covers(entry: &str, host: &str) -> bool {
    match entry.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        None => host == entry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_subdomains_of_any_depth() {
        for (entry, host, expected) in [
            ("example.com", "example.com", true),
            ("example.com", "a.example.com", false),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.example.com", "badexample.com", false),
            ("*.example.com", "a.example.com.evil.com", false),
        ] {
            assert_eq!(covers(entry, host), expected, "{entry} {host}");
        }
    }
}
