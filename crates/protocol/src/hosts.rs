//! Matching of hosts against the entries of allow-lists.

/// Whether an entry covers a host. `*.example.com` covers subdomains of any depth but not `example.com`; any other entry
/// covers the equal host only. Both arguments are in lower case.
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
    fn a_star_covers_subdomains_of_any_depth() {
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
