//! What one source file imports: every path that begins at the crate, at `self` or at `super`,
//! written out from the crate's root.
//! Not a name resolution: re-exports are not followed, and code that a macro writes is not seen.
//! Source: the Rust Reference on `use` declarations and paths.

use crate::rust_source::{Token, code, test_modules, tokens, without_tests};

/// The library's name, as the binary and the tests write it.
const LIBRARY: &str = "xceed_gateway";

/// A path that a file names, from the crate's root, and the line where it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// One source file: its place in the module tree and what it imports.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) file: String,
    pub(crate) path: Vec<String>,
    pub(crate) imports: Vec<Import>,
}

/// Reads all files of the library and the binary, but for those that are tests.
/// `files` holds paths below the repository's root, with the text.
pub(crate) fn read(files: &[(String, String)]) -> Vec<Module> {
    let mut tests: Vec<Vec<String>> = Vec::new();
    let mut modules = Vec::new();
    for (file, text) in files {
        let Some(path) = module_path(file) else {
            continue;
        };
        let all = tokens(&code(text));
        tests.extend(test_modules(&all).into_iter().map(|name| join(&path, &[name])));
        let imports = imports(&path, &without_tests(&all));
        modules.push(Module { file: file.clone(), path, imports });
    }
    modules.retain(|module| !tests.iter().any(|test| module.path.starts_with(test)));
    modules
}

/// `src/a/b.rs` and `src/a/b/mod.rs` are `a::b`; `src/lib.rs` is the root, `src/main.rs` is `main`.
fn module_path(file: &str) -> Option<Vec<String>> {
    let inner = file.strip_prefix("src/")?.strip_suffix(".rs")?;
    let inner = inner.strip_suffix("/mod").unwrap_or(inner);
    Some(match inner {
        "lib" => Vec::new(),
        _ => inner.split('/').map(String::from).collect(),
    })
}

/// A name that a `use` or a `mod` brings into the file.
struct Binding {
    name: String,
    import: Import,
    /// A plain `mod name;` is no use of the module, and a `pub use` is one whatever follows.
    declared: bool,
    public: bool,
}

fn imports(module: &[String], tokens: &[Token]) -> Vec<Import> {
    let mut reader = Reader { module: module.to_vec(), ..Reader::default() };
    reader.read(tokens);
    let Reader { bindings, relative, anchored: mut found, .. } = reader;
    for Binding { name, import, declared, public } in bindings {
        // `use crate::a;` and then `a::b::c` is an import of `a::b::c`.
        let through: Vec<Import> = relative
            .iter()
            .filter(|path| path.path[0] == name && path.path.len() > 1)
            .map(|path| Import { path: join(&import.path, &path.path[1..]), line: path.line })
            .collect();
        if public || (through.is_empty() && !declared) {
            found.push(import);
        }
        found.extend(through);
    }
    found
}

/// The words of the path that begins at `at`: `a::b::<T>` gives `a`, `b`.
fn words(tokens: &[Token], at: usize) -> Vec<String> {
    let mut found = vec![tokens[at].text.clone()];
    let mut at = at;
    while tokens.get(at + 1).is_some_and(|t| t.text == "::") {
        match tokens.get(at + 2) {
            Some(next) if is_name(&next.text) => found.push(next.text.clone()),
            _ => break,
        }
        at += 2;
    }
    found
}

fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '#')
        && !text.starts_with(|c: char| c.is_ascii_digit() || c == '#')
}

fn join(base: &[String], rest: &[String]) -> Vec<String> {
    base.iter().chain(rest).cloned().collect()
}

/// Walks a file once and keeps the module it stands in, as inline modules open and close.
#[derive(Default)]
struct Reader {
    module: Vec<String>,
    bindings: Vec<Binding>,
    /// Paths in expressions and types that begin at `crate`, `self` or `super`, written out.
    anchored: Vec<Import>,
    /// Paths that begin at any other name, as they stand.
    relative: Vec<Import>,
}

impl Reader {
    fn read(&mut self, tokens: &[Token]) {
        let text = |at: usize| tokens.get(at).map_or("", |t: &Token| t.text.as_str());
        let (mut at, mut depth, mut opened) = (0, 0_usize, Vec::new());
        while at < tokens.len() {
            match text(at) {
                "use" if text(at + 1) != "<" => {
                    at = self.read_use(tokens, at);
                    continue;
                }
                "mod" if text(at + 2) == ";" => self.declare(&tokens[at + 1]),
                "mod" if text(at + 2) == "{" => {
                    self.declare(&tokens[at + 1]);
                    self.module.push(tokens[at + 1].text.clone());
                    opened.push(depth);
                    depth += 1;
                    at += 3;
                    continue;
                }
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    if opened.last() == Some(&depth) {
                        opened.pop();
                        self.module.pop();
                    }
                }
                name if is_name(name) && text(at + 1) == "::" && (at == 0 || text(at - 1) != "::") => {
                    let (path, line) = (words(tokens, at), tokens[at].line);
                    match self.absolute(&path, line) {
                        Some(import) => self.anchored.push(import),
                        None => self.relative.push(Import { path, line }),
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn declare(&mut self, name: &Token) {
        let path = join(&self.module, std::slice::from_ref(&name.text));
        let import = Import { path, line: name.line };
        let name = name.text.clone();
        self.bindings.push(Binding { name, import, declared: true, public: false });
    }

    /// Reads the `use` at `at` and gives the index after its `;`.
    fn read_use(&mut self, tokens: &[Token], at: usize) -> usize {
        let end = tokens[at..].iter().position(|t| t.text == ";").map_or(tokens.len(), |n| at + n);
        let public = at > 0 && matches!(tokens[at - 1].text.as_str(), "pub" | ")");
        self.read_tree(&tokens[at + 1..end], &[], public);
        end + 1
    }

    /// One use tree: `a::b`, `a::{b, c}`, `a::b as c`, `a::*`, `a::{self}`.
    fn read_tree(&mut self, tree: &[Token], prefix: &[String], public: bool) {
        let Some(Token { line, .. }) = tree.first() else {
            return;
        };
        let mut path = prefix.to_vec();
        let mut name = None;
        for (at, token) in tree.iter().enumerate() {
            match token.text.as_str() {
                "::" => {}
                "{" => {
                    for branch in branches(&tree[at + 1..tree.len() - 1]) {
                        self.read_tree(branch, &path, public);
                    }
                    return;
                }
                "as" => {
                    name = tree.get(at + 1).map(|token| token.text.clone());
                    break;
                }
                "self" if !path.is_empty() => {}
                word => path.push(word.to_string()),
            }
        }
        match self.absolute(&path, *line) {
            Some(import) => {
                let name = name.or_else(|| path.pop()).unwrap_or_default();
                self.bindings.push(Binding { name, import, declared: false, public });
            }
            None => self.relative.push(Import { path, line: *line }),
        }
    }

    /// The path from the crate's root; nothing for a path into another crate.
    fn absolute(&self, words: &[String], line: usize) -> Option<Import> {
        let supers = words.iter().take_while(|word| *word == "super").count();
        let path = match words.first()?.as_str() {
            "crate" | LIBRARY => words[1..].to_vec(),
            "self" => {
                let supers = words[1..].iter().take_while(|word| *word == "super").count();
                join(&self.above(supers), &words[1 + supers..])
            }
            "super" => join(&self.above(supers), &words[supers..]),
            _ => return None,
        };
        (!path.is_empty()).then_some(Import { path, line })
    }

    fn above(&self, levels: usize) -> Vec<String> {
        self.module[..self.module.len().saturating_sub(levels)].to_vec()
    }
}

/// The branches of a braced use tree, split at its own commas.
fn branches(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0_usize;
    tokens
        .split(|token| {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && token.text == ","
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::read;

    fn paths(file: &str, text: &str) -> Vec<String> {
        let modules = read(&[(file.to_string(), text.to_string())]);
        let imports = modules.iter().flat_map(|module| &module.imports);
        let mut paths: Vec<String> = imports.map(|import| import.path.join("::")).collect();
        paths.sort();
        paths
    }

    #[test]
    fn use_trees_are_written_out() {
        let text = "use crate::a::{self, b::{C, D as E}, f::*};\nuse std::io; use serde::de;";
        assert_eq!(paths("src/x.rs", text), ["a", "a::b::C", "a::b::D", "a::f::*"]);
    }

    #[test]
    fn self_and_super_are_written_out_from_the_place_of_the_file() {
        let text = "use super::c; use self::d::E; mod i { use super::super::f; } fn g() { super::h() }";
        assert_eq!(paths("src/a/b.rs", text), ["a::b::d::E", "a::c", "a::f", "a::h"]);
        assert_eq!(paths("src/a/mod.rs", "use super::c::D;"), ["c::D"]);
    }

    #[test]
    fn a_path_inside_an_expression_is_an_import() {
        let text = "fn f() -> crate::a::B { let x = <crate::c::D as E>::f::<u8>(); x }";
        assert_eq!(paths("src/x.rs", text), ["a::B", "c::D"]);
        assert_eq!(paths("src/main.rs", "fn main() { xceed_gateway::cli::run() }"), ["cli::run"]);
    }

    #[test]
    fn a_module_brought_in_by_name_is_followed_to_what_is_used_of_it() {
        let text = "use crate::a; fn f() { a::b::c(); other::a::d() }";
        assert_eq!(paths("src/x.rs", text), ["a::b::c"]);
        assert_eq!(paths("src/x.rs", "pub use crate::a; fn f() { a::b() }"), ["a", "a::b"]);
        assert_eq!(paths("src/x/mod.rs", "mod y; pub mod z; pub use y::D;"), ["x::y::D"]);
    }

    #[test]
    fn tests_visibilities_and_opaque_captures_are_no_imports() {
        let text = "pub(in crate::a) fn f() -> impl Sized + use<'_> {} \
                    #[cfg(test)] mod tests { use crate::b::C; } pub(super) struct S; // crate::d::E";
        assert_eq!(paths("src/a/x.rs", text), ["a"]);
    }
}
