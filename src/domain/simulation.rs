//! What the simulations share, which run the rules of production in simulated time: chance, and the tables of docs/scaling.md.

/// Chance (xorshift64*): the same numbers on every machine.
pub struct Random(u64);

impl Default for Random {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Random {
    /// A number between 0 and 1, each as likely.
    pub fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11;
        (bits as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// A number of the exponential distribution with this mean, as the times between arrivals have it.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -self.uniform().ln() * mean
    }
}

/// Asserts that docs/scaling.md shows `table` below the mark of the tests with `filter` in their names. With `UPDATE_SCALING`
/// set, writes the table into the page instead.
pub fn assert_page_shows(table: &str, filter: &str) {
    let command = format!("UPDATE_SCALING=1 cargo test -p docle {filter}");
    let mark = format!("<!-- {command} -->\n");
    println!("{table}");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/scaling.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, shown) = page.split_once(&mark).unwrap();
    if std::env::var_os("UPDATE_SCALING").is_some() {
        let rest = shown.find("\n\n").map_or("", |end| &shown[end..]);
        std::fs::write(path, format!("{before}{mark}{}{rest}", table.trim_end())).unwrap();
        return;
    }
    assert!(shown.starts_with(table), "run {command}");
}
