//! The sources of one tenant: each a file, and the samples that lie beside it.

use super::section::{Problems, Section};
use crate::sources::{SampleSettings, SourceSettings};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest source, and the largest sample, in bytes.
const SOURCE_MAX: u64 = 64 * 1024;
const SAMPLE_MAX: u64 = 1024 * 1024;
/// So many samples are tried at most.
const SAMPLES_MAX: usize = 200;
/// What the file of an event ends with, beside the body that becomes it.
const EVENT: &str = ".event.json";

/// `[tenants.X.sources.NAME] file`. A file is looked for where the gateway is started, and then beside the
/// configuration.
pub(super) fn read(section: Section, folder: Option<&Path>, problems: &mut Problems) -> Vec<SourceSettings> {
    let sources = section.sections().into_iter();
    sources.filter_map(|(name, section)| read_one(&name, section, folder, problems)).collect()
}

fn read_one(
    name: &str,
    mut section: Section,
    folder: Option<&Path>,
    problems: &mut Problems,
) -> Option<SourceSettings> {
    let file = section.text("file", "the source's file, such as file = \"sources/my-ivr.toml\"", problems);
    let rule = format!("a source's name must be {}", SourceSettings::NAME_RULE);
    section.check("file", problems, &rule, || SourceSettings::is_name(name).then_some(()));
    let found = file.and_then(|file| {
        let read = find(&file, folder).and_then(|path| Ok((text(&path, SOURCE_MAX)?, path)));
        match read {
            Ok(found) => Some(found),
            Err(why) => {
                section.check("file", problems, &why, || None::<()>);
                None
            }
        }
    });
    section.finish(problems);
    let (text, path) = found?;
    let samples = samples(&path).unwrap_or_else(|why| {
        problems.error(why);
        Vec::new()
    });
    Some(SourceSettings { name: name.to_owned(), file: path.display().to_string(), text, samples })
}

fn find(file: &str, folder: Option<&Path>) -> Result<PathBuf, String> {
    let here = PathBuf::from(file);
    let there = folder.map(|folder| folder.join(file)).filter(|there| *there != here);
    if here.is_file() {
        return Ok(here);
    }
    match there {
        Some(there) if there.is_file() => Ok(there),
        Some(there) => Err(format!(
            "there is no such file: neither {} where the gateway is started, nor {}",
            here.display(),
            there.display()
        )),
        None => Err(format!("there is no such file: {}", here.display())),
    }
}

/// The files of the folder `NAME.samples` beside `NAME.toml`: `X.json` is a body, `X.event.json` what it becomes.
fn samples(source: &Path) -> Result<Vec<SampleSettings>, String> {
    let folder = source.with_extension("samples");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let unreadable = |error: std::io::Error| format!("{}: can't be read ({error})", folder.display());
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        names.extend(entry.map_err(unreadable)?.file_name().into_string().ok());
    }
    names.sort_unstable();
    if let Some(odd) = names.iter().find(|name| !name.ends_with(".json")) {
        return Err(format!("{}: is no sample: those end with .json", folder.join(odd).display()));
    }
    let (events, bodies): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| name.ends_with(EVENT));
    let body_of = |event: &String| format!("{}.json", event.strip_suffix(EVENT).unwrap_or(event));
    if let Some(alone) = events.iter().find(|event| !bodies.contains(&body_of(event))) {
        let body = folder.join(body_of(alone));
        return Err(format!(
            "{}: there is no body that becomes it; put one into {}",
            folder.join(alone).display(),
            body.display()
        ));
    }
    if bodies.len() > SAMPLES_MAX {
        return Err(format!("{}: holds more than {SAMPLES_MAX} samples", folder.display()));
    }
    let sample = |body: String| {
        let (path, event) = (folder.join(&body), events.iter().find(|event| body_of(event) == body));
        let event = match event.map(|event| folder.join(event)) {
            Some(path) => Some((path.display().to_string(), bytes(&path, SAMPLE_MAX)?)),
            None => None,
        };
        Ok(SampleSettings { file: path.display().to_string(), body: bytes(&path, SAMPLE_MAX)?, event })
    };
    bodies.into_iter().map(sample).collect()
}

fn text(path: &Path, max: u64) -> Result<String, String> {
    String::from_utf8(bytes(path, max)?).map_err(|_| format!("{}: is not UTF-8", path.display()))
}

/// A file of at most so many bytes; one byte more tells that there is more.
fn bytes(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(max + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(format!("{}: can't be read ({error})", path.display())),
        Ok(_) if bytes.len() as u64 > max => Err(format!("{}: is larger than {max} bytes", path.display())),
        Ok(_) => Ok(bytes),
    }
}
