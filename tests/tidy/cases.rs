//! The table of what breaks such gateways: each test that a row names is there.

/// Names that no test, proof or fuzz target of these texts has; `table` is the table's text.
pub(crate) fn unknown(table: &str, texts: &[(String, String)]) -> Vec<String> {
    let rows = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| case") && !line.starts_with("| ---"));
    let names = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    let has = |wanted: &str| texts.iter().any(|(_, text)| text.contains(wanted));
    let is_there = |name: &str| match name.split_once(' ') {
        Some(("proof" | "fuzz", rest)) => has(&format!("name: \"{rest}\"")),
        _ if name == "simulation" => has("mod simulation;"),
        _ => has(&format!("fn {}()", name.rsplit([':', ' ']).next().unwrap_or(name))),
    };
    let missing = names.filter(|name| !is_there(name));
    missing.map(|name| format!("{name}: no such test; name the one that shows the case now")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_gone_is_found() {
        let texts = [("a.rs".to_owned(), "fn one() {} Proof { name: \"kill\" }".to_owned())];
        let table = "| case | `what` |\n| --- | --- |\n| U01 | `deadline::one`, `cli a::two`, `proof kill`, `fuzz xml` |\n";
        let unknown = unknown(table, &texts);
        assert!(
            unknown.len() == 2 && unknown[0].starts_with("cli a::two") && unknown[1].starts_with("fuzz xml"),
            "{unknown:?}"
        );
    }
}
