use std::fs::File;
use std::io;
pub fn pack(_to: File) -> io::Result<()> {
    Ok(())
}
