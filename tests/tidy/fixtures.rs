//! Every fixture is read: mentioned by name in a test or in the code, or part of a case in a folder
//! that a test walks.
//! Not a check of what the fixtures say: the suites that read them do that.

/// The files of a case, in the order of its story.
pub(crate) const CASE_FILES: &[&str] = &[
    "0-tenant.toml",
    "1-event.json",
    "1-event.txt",
    "2-payload.xml",
    "3-envelope.xml",
    "4-results.xml",
    "4-results.http",
    "5-decision.json",
    "5-problem.json",
];

/// Folders below `fixtures/` that tests walk, so that their files need no mention by name.
pub(crate) struct Walked<'a> {
    /// Each folder in these is a case: it holds case files and nothing else.
    pub(crate) cases: &'a [&'a str],
    /// These hold what they like, such as whole schema sets, and perhaps cases among it.
    pub(crate) sets: &'a [&'a str],
}

/// Fixtures that nothing reads, and files that do not belong to the case they lie with.
/// `files` are the tree's paths, `readers` the texts of everything that may read a fixture.
pub(crate) fn unread(files: &[String], walked: &Walked, readers: &[String]) -> Vec<String> {
    let mentioned = |name: &str| readers.iter().any(|text| text.contains(name));
    let inside = |folder: &str, roots: &[&str]| {
        roots.iter().any(|root| folder.strip_prefix(root).is_some_and(|rest| rest.starts_with('/')))
    };
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.starts_with("fixtures/")) {
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        let in_cases = inside(folder, walked.cases);
        if in_cases || inside(file, walked.sets) {
            if (in_cases || is_numbered(name)) && !CASE_FILES.contains(&name) {
                found.push(format!(
                    "{file}: no file of a case has this name; use one of {}",
                    CASE_FILES.join(", ")
                ));
            }
        } else if !mentioned(name) {
            found.push(format!(
                "{file}: no test and no code mentions `{name}`; read it in a test or remove it"
            ));
        }
    }
    for root in walked.cases.iter().chain(walked.sets) {
        if files.iter().any(|file| inside(file, &[root])) && !mentioned(root) {
            found.push(format!("{root}: no test names this folder; walk it or remove it"));
        }
    }
    found
}

/// `4-result.xml` means to be part of a case.
fn is_numbered(name: &str) -> bool {
    name.split_once('-').is_some_and(|(number, _)| number.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::{Walked, unread};

    const BOTH: &str = "walk(\"fixtures/cases\"); walk(\"fixtures/sets\");";

    fn check(file: &str, reader: &str) -> usize {
        let walked = Walked { cases: &["fixtures/cases"], sets: &["fixtures/sets"] };
        unread(&[file.to_string()], &walked, &[reader.to_string()]).len()
    }

    #[test]
    fn a_fixture_that_is_read_passes() {
        assert_eq!(check("fixtures/cases/login/1-event.json", BOTH), 0);
        assert_eq!(check("fixtures/sets/xsd/a.xsd", BOTH), 0);
        assert_eq!(check("fixtures/sets/login/1-event.json", BOTH), 0);
        assert_eq!(check("fixtures/vectors.json", "read(\"fixtures/vectors.json\")"), 0);
    }

    #[test]
    fn a_fixture_that_nothing_mentions_fails() {
        assert_eq!(check("fixtures/vectors.json", BOTH), 1);
        assert_eq!(check("fixtures/cases/1-event.json", BOTH), 1);
        assert_eq!(check("fixtures/cases2/login/1-event.json", BOTH), 1);
    }

    #[test]
    fn a_file_that_does_not_belong_to_its_case_fails_even_where_something_mentions_it() {
        let reader = format!("{BOTH} 4-result.xml notes.md");
        assert_eq!(check("fixtures/cases/login/4-result.xml", &reader), 1);
        assert_eq!(check("fixtures/cases/login/notes.md", &reader), 1);
        assert_eq!(check("fixtures/sets/login/4-result.xml", &reader), 1);
    }

    #[test]
    fn a_folder_that_no_test_walks_fails() {
        assert_eq!(check("fixtures/cases/login/1-event.json", "nothing"), 1);
        assert_eq!(check("fixtures/sets/xsd/a.xsd", "nothing"), 1);
    }
}
