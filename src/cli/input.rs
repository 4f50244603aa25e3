//! The file that a command is given to look at: whole, bounded, and `-` for standard input.

use super::shell::Failed;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a file of at most so many bytes.
pub(super) fn read(file: &Path, max: usize) -> Result<Vec<u8>, Failed> {
    let name = if is_stdin(file) { "standard input".to_owned() } else { file.display().to_string() };
    let bytes =
        if is_stdin(file) { take(io::stdin(), max) } else { File::open(file).and_then(|f| take(f, max)) };
    let bytes = bytes.map_err(|error| {
        Failed::because(format!(
            "{name}: can't be read ({error}); name a file that is there, or - for standard input"
        ))
    })?;
    if bytes.len() > max {
        return Err(Failed::because(format!(
            "{name}: is larger than {max} bytes, which is as much as is taken"
        )));
    }
    Ok(bytes)
}

/// Reads a file that must be text.
pub(super) fn read_text(file: &Path, max: usize) -> Result<String, Failed> {
    String::from_utf8(read(file, max)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failed::because(format!("{}: is not UTF-8 (byte {at}); write it as UTF-8", file.display()))
    })
}

fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

/// One byte more than is taken tells that there is more.
fn take(from: impl Read, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
