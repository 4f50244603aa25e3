//! The file of checkpoints: appended to and flushed, never changed but for thinning out what is old.

use super::checkpoint::Checkpoints;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file with more lines is thinned out: about 5 MB.
const LINES_MAX: usize = 16_384;

/// The file, open to be appended to.
#[derive(Debug)]
pub(super) struct Witness {
    path: PathBuf,
    file: File,
    /// Up to here the lines are whole.
    length: u64,
    lines: usize,
    _lock: File,
}

/// Reads a file of checkpoints; none where it is not there.
///
/// # Errors
/// It can't be read.
pub fn read(path: &Path) -> io::Result<Checkpoints> {
    match fs::read(path) {
        Ok(bytes) => Ok(Checkpoints::read(&String::from_utf8_lossy(&bytes))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Checkpoints::default()),
        Err(error) => Err(error),
    }
}

impl Witness {
    /// Opens the file, makes it where it is missing, and cuts off a line that a crash left unfinished.
    ///
    /// # Errors
    /// It can't be made or read, or another gateway writes to it.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let refuse = |why: &dyn std::fmt::Display| {
            format!("{}: {why}; say where the checkpoints go: [audit] checkpoints = \"…\"", path.display())
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|error| refuse(&error))?;
        }
        let lock = lock(path).map_err(|why| refuse(&why))?;
        let opened = || {
            let file = OpenOptions::new().append(true).create(true).open(path)?;
            let text = fs::read(path)?;
            let length = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end as u64 + 1);
            if length < text.len() as u64 {
                file.set_len(length)?;
            }
            file.sync_all()?;
            File::open(folder_of(path))?.sync_all()?;
            let lines = text.iter().filter(|byte| **byte == b'\n').count();
            Ok::<_, io::Error>((file, length, lines))
        };
        let (file, length, lines) = opened().map_err(|error| refuse(&error))?;
        Ok(Self { path: path.to_owned(), file, length, lines, _lock: lock })
    }

    /// Appends a line and waits until it is on disk.
    ///
    /// # Errors
    /// It can't be written; then nothing of it is left.
    pub(super) fn append(&mut self, line: &str) -> io::Result<()> {
        let written =
            self.file.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.file.sync_data());
        if written.is_err() {
            let _ = self.file.set_len(self.length);
            return written;
        }
        self.length = self.file.seek(SeekFrom::End(0))?;
        self.lines += 1;
        if self.lines > LINES_MAX
            && let Err(error) = self.thin_out()
        {
            tracing::warn!(%error, "the file of checkpoints can't be thinned out; it grows");
            self.lines = 0; // tried again after as many
        }
        Ok(())
    }

    /// Leaves out every second of the older lines. The later ones cover what they covered; only where a change lies is
    /// told less finely.
    fn thin_out(&mut self) -> io::Result<()> {
        let text = fs::read_to_string(&self.path)?;
        let thin = thinned(&text);
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let new = PathBuf::from(name);
        let mut file = File::create(&new)?;
        file.write_all(thin.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        File::open(folder_of(&self.path))?.sync_all()?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.length = thin.len() as u64;
        self.lines = thin.lines().count();
        Ok(())
    }
}

/// The newest quarter whole, of the others every second line, the first, and every decision of an operator with the
/// line before it.
fn thinned(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let whole_from = lines.len() - lines.len() / 4;
    let is_decision = |line: Option<&&str>| line.is_some_and(|line| line.contains(",\"accepted\":{"));
    let kept = lines.iter().enumerate().filter(|(n, line)| {
        n % 2 == 0 || *n >= whole_from || is_decision(Some(line)) || is_decision(lines.get(n + 1))
    });
    kept.flat_map(|(_, line)| [*line, "\n"]).collect()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

fn lock(path: &Path) -> Result<File, String> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = File::create(&name).map_err(|error| error.to_string())?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err("another gateway writes its checkpoints there".to_owned()),
        Err(TryLockError::Error(error)) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let name = format!("xceed-gateway-witness-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).expect("a folder");
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_line_that_a_crash_left_unfinished_is_cut_off() {
        let folder = Folder::new();
        let path = folder.0.join("below").join("audit.checkpoints");
        let mut witness = Witness::open(&path).expect("a new file");
        witness.append("one").expect("room");
        drop(witness);
        fs::write(&path, "one\ntw").expect("written");
        let mut witness = Witness::open(&path).expect("opened again");
        witness.append("two").expect("room");
        assert_eq!(fs::read_to_string(&path).expect("a text"), "one\ntwo\n");
    }

    #[test]
    fn two_gateways_do_not_write_to_one_file() {
        let folder = Folder::new();
        let path = folder.0.join("audit.checkpoints");
        let _first = Witness::open(&path).expect("a new file");
        let refused = Witness::open(&path).expect_err("it is taken");
        assert!(refused.contains("another gateway") && refused.contains("[audit] checkpoints"), "{refused}");
    }

    #[test]
    fn a_file_that_has_grown_long_is_thinned_out_and_goes_on() {
        let folder = Folder::new();
        let path = folder.0.join("audit.checkpoints");
        let long: String = (0..LINES_MAX).map(|n| format!("{n}\n")).collect();
        fs::write(&path, long).expect("written");
        let mut witness = Witness::open(&path).expect("opened");
        witness.append("last").expect("room");
        witness.append("behind it").expect("room");
        let text = fs::read_to_string(&path).expect("a text");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() < LINES_MAX * 2 / 3 && lines.len() > LINES_MAX / 2, "{}", lines.len());
        assert_eq!((lines[0], &lines[lines.len() - 2..]), ("0", &["last", "behind it"][..]));
    }

    #[test]
    fn thinning_keeps_what_operators_decided_and_what_that_was_about() {
        let text = "0\n1\n2\n3\n4\n{,\"accepted\":{}}\n6\n7\n8\n9\n10\n11\n";
        assert_eq!(thinned(text), "0\n2\n4\n{,\"accepted\":{}}\n6\n8\n9\n10\n11\n");
    }
}
