//! Who may use whom: holds the imports of `src/` against the table, and finds import circles.
//! The table itself is in `tests/tidy.rs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::imports::{Import, Module};

/// A row of the table: a top-level module and what it may use of the others.
pub(crate) type Row = (&'static str, &'static [&'static str]);

/// Every import that the table does not allow, and every module that it does not know.
pub(crate) fn violations(modules: &[Module], table: &[Row]) -> Vec<String> {
    let mut found = Vec::new();
    for module in modules {
        let own = top(&module.path);
        let Some((_, allowed)) = table.iter().find(|(name, _)| *name == own) else {
            found.push(format!(
                "{}: the module `{own}` has no row in the layer table; say there what it may use",
                module.file
            ));
            continue;
        };
        let foreign = module.imports.iter().filter(|import| top(&import.path) != own);
        for Import { path, line } in foreign {
            if !allowed.iter().any(|pattern| covers(pattern, path)) {
                found.push(format!(
                    "{}:{line}: `{own}` may not use `{}`, only {}; move the code to the layer \
                     it belongs to, or change the table together with ARCHITECTURE.md",
                    module.file,
                    path.join("::"),
                    if allowed.is_empty() { "itself".into() } else { allowed.join(", ") }
                ));
            }
        }
    }
    found
}

/// Import circles between top-level modules, and between files of different folders.
pub(crate) fn circles(modules: &[Module]) -> Vec<String> {
    let mut between_modules = Graph::default();
    let mut between_files = Graph::default();
    for module in modules {
        for import in &module.imports {
            between_modules.add(top(&module.path), top(&import.path));
            if let Some(target) = home(modules, &import.path) {
                between_files.add(&module.file, &target.file);
            }
        }
    }
    let folders: BTreeMap<&str, &[String]> =
        modules.iter().map(|module| (module.file.as_str(), folder(modules, module))).collect();
    let all = between_modules
        .circles(|_, _| true)
        .into_iter()
        .chain(between_files.circles(|a, b| folders[a] != folders[b]));
    all.map(|circle| {
        format!(
            "import circle: {}; move what they share to the lowest of them, or turn one import round",
            circle.join(" -> ")
        )
    })
    .collect()
}

/// The root of the library counts as a module of its own, `lib`.
fn top(path: &[String]) -> &str {
    path.first().map_or("lib", String::as_str)
}

/// `a::b` covers itself and all below it; `a::*Settings` covers what lies below `a` and is named
/// so; `*` covers everything but the binary's entry.
fn covers(pattern: &str, path: &[String]) -> bool {
    if pattern == "*" {
        return top(path) != "main";
    }
    if let Some((module, suffix)) = pattern.split_once("::*") {
        return top(path) == module && path[1..].iter().any(|word| word.ends_with(suffix));
    }
    let wanted: Vec<&str> = pattern.split("::").collect();
    path.len() >= wanted.len() && wanted.iter().zip(path).all(|(a, b)| a == b)
}

/// The file that holds a path: the one with the longest matching module path.
fn home<'a>(modules: &'a [Module], path: &[String]) -> Option<&'a Module> {
    let holders = modules.iter().filter(|module| path.starts_with(&module.path));
    holders.max_by_key(|module| module.path.len())
}

/// The folder a file stands in: its own, where it has files below it, else its parent's.
fn folder<'a>(modules: &[Module], module: &'a Module) -> &'a [String] {
    let path = &module.path;
    let has_children =
        modules.iter().any(|other| other.path.len() > path.len() && other.path.starts_with(path));
    if has_children { path } else { &path[..path.len().saturating_sub(1)] }
}

#[derive(Default)]
struct Graph<'a> {
    edges: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Graph<'a> {
    fn add(&mut self, from: &'a str, to: &'a str) {
        if from != to {
            self.edges.entry(from).or_default().insert(to);
        }
    }

    /// The shortest circle through each edge that `counts`, each set of members once.
    fn circles(&self, counts: impl Fn(&str, &str) -> bool) -> Vec<Vec<&'a str>> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        let edges = self.edges.iter().flat_map(|(from, all)| all.iter().map(|to| (*from, *to)));
        for (from, to) in edges.filter(|(from, to)| counts(from, to)) {
            let Some(back) = self.shortest(to, from) else {
                continue;
            };
            let circle: Vec<&str> = std::iter::once(from).chain(back).collect();
            if seen.insert(circle.iter().copied().collect::<BTreeSet<_>>()) {
                found.push(circle);
            }
        }
        found
    }

    fn shortest(&self, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
        let mut ways = VecDeque::from([vec![from]]);
        let mut reached = BTreeSet::from([from]);
        while let Some(way) = ways.pop_front() {
            let last = *way.last().expect("a way begins with its start");
            if last == to {
                return Some(way);
            }
            for next in self.edges.get(last).into_iter().flatten() {
                if reached.insert(next) {
                    ways.push_back(way.iter().chain([next]).copied().collect());
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, circles, violations};
    use crate::imports::{self, Module};

    const TABLE: &[Row] =
        &[("low", &[]), ("high", &["low::door", "edge::*Settings"]), ("edge", &["low"]), ("root", &["*"])];

    fn modules(files: &[(&str, &str)]) -> Vec<Module> {
        let own = |(file, text): &(&str, &str)| ((*file).to_string(), (*text).to_string());
        imports::read(&files.iter().map(own).collect::<Vec<_>>())
    }

    fn refused(file: &str, text: &str) -> usize {
        violations(&modules(&[(file, text)]), TABLE).len()
    }

    #[test]
    fn what_the_table_allows_passes() {
        assert_eq!(refused("src/high/a.rs", "use crate::low::door::Handle; use super::b::C;"), 0);
        assert_eq!(refused("src/high/a.rs", "use crate::edge::{Settings, x::TlsSettings};"), 0);
        assert_eq!(refused("src/edge.rs", "use crate::low; fn f() { low::anything() }"), 0);
        assert_eq!(refused("src/root.rs", "use crate::high::A;"), 0);
    }

    #[test]
    fn an_import_outside_the_table_fails() {
        assert_eq!(refused("src/low/a.rs", "use crate::high::A;"), 1);
        assert_eq!(refused("src/low/a.rs", "fn f() { super::super::high::a() }"), 1);
        assert_eq!(refused("src/high.rs", "use crate::low::cellar::Wine;"), 1);
        assert_eq!(refused("src/high.rs", "use crate::low; fn f() { low::cellar::wine() }"), 1);
        assert_eq!(refused("src/high.rs", "use crate::edge::server::start;"), 1);
        assert_eq!(refused("src/root.rs", "use crate::main::run;"), 1);
        assert_eq!(refused("src/edge.rs", "use crate::SomethingInTheRoot;"), 1);
    }

    #[test]
    fn a_module_without_a_row_fails() {
        assert_eq!(refused("src/attic.rs", "//! What nobody knows."), 1);
    }

    #[test]
    fn a_circle_between_modules_is_found_once() {
        let files = [
            ("src/a.rs", "use crate::b::B;"),
            ("src/b.rs", "use crate::c::C;"),
            ("src/c.rs", "use crate::a::A;"),
        ];
        let found = circles(&modules(&files));
        assert!(found[0].contains("a -> b -> c -> a"), "{found:?}");
    }

    #[test]
    fn a_circle_between_folders_of_one_module_is_found() {
        let files = [
            ("src/a/mod.rs", "mod b; mod deep;"),
            ("src/a/b.rs", "use super::deep::c::C;"),
            ("src/a/deep/mod.rs", "pub mod c;"),
            ("src/a/deep/c.rs", "use crate::a::b::B;"),
        ];
        let found = circles(&modules(&files));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("src/a/deep/c.rs"), "{found:?}");
    }

    #[test]
    fn files_of_one_folder_may_lean_on_each_other() {
        let files = [
            ("src/a.rs", "mod b; use b::B; pub struct A;"),
            ("src/a/b.rs", "use super::A; use super::c::C;"),
            ("src/a/c.rs", "use super::b::B;"),
        ];
        assert_eq!(circles(&modules(&files)), Vec::<String>::new());
    }
}
