//! Configurations of gateways and simulators: what is usual, and what a test lays over it.

use super::folder::Folder;
use super::postgres::is_on_postgres;
use sha2::{Digest, Sha256};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// One tenant. Its API keys are `caller-of-NAME`, `operator-of-NAME` and `auditor-of-NAME`, each with that role alone.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub(crate) name: String,
    secret: String,
    next_secret: Option<String>,
    laid_over: Table,
}

impl Tenant {
    /// The one of the reference model's worked example.
    pub(crate) fn first_bank() -> Self {
        Self::new("first-bank", 210_021)
    }

    pub(crate) fn new(name: &str, service_id: u32) -> Self {
        let secret = "311a5439c8bda8ef".to_owned();
        let tenant = Self { name: name.to_owned(), secret, next_secret: None, laid_over: Table::new() };
        tenant.with(&format!("xceed.service_id = \"{service_id}\""))
    }

    /// Lays TOML over the tenant's table.
    pub(crate) fn with(mut self, text: &str) -> Self {
        lay_over(&mut self.laid_over, text.parse().expect("TOML"));
        self
    }

    pub(crate) fn secret(self, secret: &str) -> Self {
        Self { secret: secret.to_owned(), ..self }
    }

    pub(crate) fn next_secret(self, secret: &str) -> Self {
        Self { next_secret: Some(secret.to_owned()), ..self }
    }

    fn table(&self, folder: &Path, upstream: &str) -> Table {
        let mut xceed = Table::new();
        let mut put = |key: &str, value: &str| xceed.insert(key.to_owned(), Value::String(value.to_owned()));
        put("url", upstream);
        put("platform_id", "3");
        put("schema", "1.0");
        let secrets = [("secret_key", Some(&self.secret)), ("secret_key_next", self.next_secret.as_ref())];
        for (key, secret) in secrets.into_iter().filter_map(|(key, secret)| Some((key, secret?))) {
            let file = folder.join(format!("{}.{key}", self.name));
            write_private(&file, &format!("{secret}\n"));
            let source = Table::from_iter([("file".to_owned(), text(&file))]);
            xceed.insert(key.to_owned(), Value::Table(source));
        }
        let mut table: Table = keys(&self.name).parse().expect("TOML");
        table.insert("xceed".to_owned(), Value::Table(xceed));
        lay_over(&mut table, self.laid_over.clone());
        table
    }
}

/// Time is not what most tests are about, and machines may be slow: so they wait for Xceed as long as is allowed. Nor are
/// limits, and most events of the tests are one customer's: what a test is about, it sets itself, such as the contract's
/// `limits.checks_per_customer = { count = 3, window = "10m" }`.
const PATIENT: &str = "policy = { deadline_ms = 5000 }
limits = { requests_per_second = 1000000, checks_per_customer = { count = 1000, window = \"1s\" } }";

fn keys(tenant: &str) -> String {
    let key = |role: &str| {
        let hash = hex::encode(Sha256::digest(format!("{role}-of-{tenant}")));
        format!("{{ name = \"{role}\", hash = \"sha256:{hash}\", roles = [\"{role}\"] }}")
    };
    let keys: Vec<_> = ["caller", "operator", "auditor"].into_iter().map(key).collect();
    format!("api_keys = [{}]\n{PATIENT}", keys.join(", "))
}

/// A whole configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    tenants: Vec<Tenant>,
    upstream: String,
    schemas: PathBuf,
    pub(crate) log_level: &'static str,
    /// What is said behind `serve --config FILE`.
    pub(crate) arguments: &'static [&'static str],
    laid_over: Table,
}

impl Config {
    pub(crate) fn new(tenants: impl IntoIterator<Item = Tenant>, upstream: &str) -> Self {
        let (tenants, schemas) = (tenants.into_iter().collect(), super::repository("xsd"));
        let (log_level, arguments, laid_over) = ("info", &[] as &[_], Table::new());
        Self { tenants, upstream: upstream.to_owned(), schemas, log_level, arguments, laid_over }
    }

    pub(crate) fn schemas(self, schemas: PathBuf) -> Self {
        Self { schemas, ..self }
    }

    /// Which lines the gateway logs.
    pub(crate) fn log_level(self, log_level: &'static str) -> Self {
        Self { log_level, ..self }
    }

    /// Each line of its log is a JSON object.
    pub(crate) fn log_json(self) -> Self {
        Self { arguments: &["--log", "json"], ..self }
    }

    /// Lays TOML over the whole.
    pub(crate) fn with(mut self, text: &str) -> Self {
        lay_over(&mut self.laid_over, text.parse().expect("TOML"));
        self
    }

    pub(crate) fn first_tenant(&self) -> &str {
        &self.tenants[0].name
    }

    /// Writes the file with all that it names, and says where it is.
    pub(crate) fn write(&self, folder: &Folder) -> PathBuf {
        let store = if is_on_postgres() {
            folder.database().url()
        } else {
            format!("sqlite:{}", folder.join("gateway.db").display())
        };
        self.write_with(folder.path(), &store)
    }

    /// The same, with a store that is not the usual one.
    pub(crate) fn write_with(&self, folder: &Path, store: &str) -> PathBuf {
        let mut whole: Table = "server = { bind = \"127.0.0.1:0\", workers = 2 }".parse().expect("TOML");
        let store = Table::from_iter([("url".to_owned(), Value::String(store.to_owned()))]);
        whole.insert("store".to_owned(), Value::Table(store));
        whole.insert(
            "schemas".to_owned(),
            Value::Table(Table::from_iter([("dir".to_owned(), text(&self.schemas))])),
        );
        let tenants = self
            .tenants
            .iter()
            .map(|tenant| (tenant.name.clone(), Value::Table(tenant.table(folder, &self.upstream))));
        whole.insert("tenants".to_owned(), Value::Table(tenants.collect()));
        lay_over(&mut whole, self.laid_over.clone());
        // Beside a file of a store the trail's own files are anyway.
        if whole["store"]["url"].as_str().is_some_and(|url| url.starts_with("postgres")) {
            let mut audit = Table::new();
            audit.insert("checkpoints".to_owned(), text(&folder.join("audit.checkpoints")));
            let key = Table::from_iter([("file".to_owned(), text(&folder.join("audit.key")))]);
            audit.insert("signing_key".to_owned(), Value::Table(key));
            whole.entry("audit").or_insert(Value::Table(audit));
        }
        let file = folder.join("gateway.toml");
        fs::write(&file, whole.to_string()).expect("the test's folder can be written");
        file
    }
}

/// A file that nobody else may read, as secrets have to be.
pub(crate) fn write_private(file: &Path, text: &str) {
    // One that is replaced keeps its mode.
    fs::write(file, "").expect("the test's folder can be written");
    fs::set_permissions(file, Permissions::from_mode(0o600)).expect("it is this test's own");
    fs::write(file, text).expect("the test's folder can be written");
}

fn text(path: &Path) -> Value {
    Value::String(path.display().to_string())
}

/// Tables are joined, everything else is replaced.
fn lay_over(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(over)) => lay_over(inner, over),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}
