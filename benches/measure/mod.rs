//! What every benchmark shares: its command line, samples and their quantiles, and a report that says on which machine
//! and by what method. Not a statistics library: on a small shared machine the best of many short batches and their
//! median tell more than a mean.

use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::str::FromStr;

/// The command line: `--name VALUE`, or `--name` alone.
#[derive(Default)]
pub(crate) struct Arguments(Vec<String>);

impl Arguments {
    /// Reads the command line; `--help`, or a name that `usage` does not have, prints the usage and ends.
    pub(crate) fn read(usage: &str) -> Self {
        // cargo bench adds --bench.
        let given: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
        let unknown = given.iter().find(|word| word.starts_with("--") && !usage.contains(word.as_str()));
        if let Some(word) = unknown {
            eprintln!("{word} is unknown\n\n{usage}");
            std::process::exit(if word == "--help" { 0 } else { 2 });
        }
        Self(given)
    }

    /// Whether the name was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|word| word == name)
    }

    /// The value behind the name, else the default.
    pub(crate) fn get<T: FromStr>(&self, name: &str, default: T) -> T {
        if !self.has(name) {
            return default;
        }
        let value = self.0.iter().skip_while(|word| *word != name).nth(1);
        value.and_then(|text| text.parse().ok()).unwrap_or_else(|| {
            eprintln!("{name} needs a value of its kind; --help shows one");
            std::process::exit(2)
        })
    }
}

/// Measured values, in order of size.
#[derive(Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The value below which that share lies: 0 the best, 0.5 the median, 1 the worst.
    pub(crate) fn at(&self, share: f64) -> f64 {
        let place = (self.0.len() as f64 * share) as usize;
        self.0.get(place.min(self.0.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    }
}

/// What a benchmark found: tables for people, and the same for programs.
pub(crate) struct Report {
    name: &'static str,
    method: String,
    tables: Vec<Table>,
}

struct Table {
    columns: &'static [&'static str],
    rows: Vec<(String, Vec<f64>)>,
}

impl Report {
    pub(crate) fn new(name: &'static str, method: String) -> Self {
        Self { name, method, tables: Vec::new() }
    }

    /// Begins a table; the first column holds names.
    pub(crate) fn table(&mut self, columns: &'static [&'static str]) {
        self.tables.push(Table { columns, rows: Vec::new() });
    }

    /// Adds a row to the table that was begun last.
    pub(crate) fn row(&mut self, name: impl Into<String>, values: &[f64]) {
        if let Some(table) = self.tables.last_mut() {
            table.rows.push((name.into(), values.to_vec()));
        }
    }

    /// Prints the report, and writes it as JSON to the file that `--json` names.
    pub(crate) fn finish(&self, arguments: &Arguments) {
        println!("{}\nmachine: {}\nmethod:  {}", self.name, machine(), self.method);
        for table in &self.tables {
            println!("\n{}", table.text());
        }
        let file: String = arguments.get("--json", String::new());
        if !file.is_empty() {
            let tables: Vec<Value> = self.tables.iter().map(Table::json).collect();
            let document = json!({
                "name": self.name, "machine": machine(), "method": self.method, "tables": tables,
            });
            if let Err(error) = std::fs::write(&file, format!("{document:#}\n")) {
                eprintln!("{file}: can't be written ({error})");
            }
        }
    }
}

impl Table {
    fn text(&self) -> String {
        let head = self.columns.iter().map(|column| (*column).to_owned()).collect();
        let shown = |(name, values): &(String, Vec<f64>)| {
            std::iter::once(name.clone()).chain(values.iter().map(shown)).collect()
        };
        let lines: Vec<Vec<String>> = std::iter::once(head).chain(self.rows.iter().map(shown)).collect();
        let width = |column: usize| {
            lines
                .iter()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let mut text = String::new();
        for (n, line) in lines.iter().enumerate() {
            for (column, cell) in line.iter().enumerate() {
                let width = width(column);
                let _ = if column == 0 {
                    write!(text, "| {cell:width$} |")
                } else {
                    write!(text, " {cell:>width$} |")
                };
            }
            text.push('\n');
            if n == 0 {
                let dashes = |column| "-".repeat(width(column) + 1);
                let _ = write!(text, "|{}-|", dashes(0));
                (1..line.len()).for_each(|column| text.push_str(&format!("{}:|", dashes(column))));
                text.push('\n');
            }
        }
        text.trim_end().to_owned()
    }

    fn json(&self) -> Value {
        let row = |(name, values): &(String, Vec<f64>)| {
            let values = self.columns[1..]
                .iter()
                .zip(values)
                .map(|(column, value)| ((*column).to_owned(), json!(value)));
            std::iter::once(("name".to_owned(), json!(name))).chain(values).collect::<Map<_, _>>()
        };
        self.rows.iter().map(row).collect()
    }
}

/// As many digits as mean something.
fn shown(value: &f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The machine in one line.
pub(crate) fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("");
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let busy = read("/proc/loadavg");
    let busy = busy.split(' ').next().unwrap_or("?");
    format!("{model}, {cores} cores, {} {}, load {busy}", std::env::consts::OS, std::env::consts::ARCH)
}
