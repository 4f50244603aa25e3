//! The configuration: one TOML file, overridden by the environment. Composes each module's settings; the only reader
//! of files and environment. Everything that is wrong is told at once, with what to write instead.

mod console;
mod files;
mod material;
mod platforms;
mod section;
mod server;
mod shipped;
mod sources;
mod store;
mod telemetry;
mod tenant;

pub use files::Documents;
pub use tenant::TenantSettings;

use crate::http;
use crate::http::auth::{Key, Keys};
use crate::http::peer::Peers;
use section::{Problems, Section};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;
use store::Passwords;

/// A configuration with every key, each with what it does; what a configuration does not say is as it is there.
pub const EXAMPLE: &str = include_str!("../../deploy/gateway.toml");

/// The prefix of environment variables that override the file: `XCEED_GATEWAY__SERVER__BIND=…`.
pub const PREFIX: &str = "XCEED_GATEWAY__";

/// All settings.
#[derive(Debug)]
pub struct Config {
    /// How callers reach the gateway.
    pub server: http::Settings,
    /// Where it records.
    pub store: crate::store::Settings,
    /// What witnesses its audit trail.
    pub audit: crate::store::audit::Settings,
    /// The schema sets and the API set, as read.
    pub documents: Documents,
    /// Who is served.
    pub tenants: Vec<TenantSettings>,
    /// Where traces go, where somebody wants them.
    pub traces: Option<crate::telemetry::traces::Settings>,
    /// What takes a new start to change.
    pub fixed: String,
    /// A fingerprint of all that was read, secrets too, to find out whether anything has changed. Never shown.
    pub content: [u8; 32],
    /// What is configured but has no effect in this version.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads a configuration file, the environment, and the files they name.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn read(file: &Path) -> Result<Self, Vec<String>> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            vec![format!("{}: can't be read ({error}); name the file with --config", file.display())]
        })?;
        Self::compose(&text, std::env::vars(), None, file.parent())
    }

    /// Reads a configuration's text, with these variables as the environment.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn parse(
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Vec<String>> {
        Self::compose(text, environment, None, None)
    }

    /// Reads a configuration's text with these sets, and nothing from the environment.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn with_documents(text: &str, documents: Documents) -> Result<Self, Vec<String>> {
        Self::compose(text, [], Some(documents), None)
    }

    fn compose(
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
        documents: Option<Documents>,
        folder: Option<&Path>,
    ) -> Result<Self, Vec<String>> {
        let table = text.parse::<toml::Table>().map_err(|error| vec![no_toml(text, &error)])?;
        let mut problems = Problems::default();
        let (own, others): (Vec<_>, Vec<_>) =
            environment.into_iter().partition(|(name, _)| name.starts_with(PREFIX));
        let overridden = section::override_by(table, own);
        let settings = overridden.text();
        let fixed = overridden.text_of(&["server", "store", "audit", "telemetry"]);
        let mut root = Section::root(overridden);
        let config = read_root(&mut root, documents, (&Passwords::of(&others), folder), &mut problems);
        root.finish(&mut problems);
        match config {
            Some(mut config) if problems.is_empty() => {
                config.audit.configuration = fingerprint(&settings, &config);
                config.content = problems.content(&config.audit.configuration);
                Ok(Self { fixed, warnings: problems.warnings, ..config })
            }
            _ => Err(problems.errors),
        }
    }
}

/// Where a text is no TOML, and why. Not with the line itself, as the error has it: a secret may stand there by mistake.
fn no_toml(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    format!("the configuration is no TOML at line {line}, column {column}: {}", error.message())
}

fn read_root(
    root: &mut Section,
    documents: Option<Documents>,
    (passwords, folder): (&Passwords, Option<&Path>),
    problems: &mut Problems,
) -> Option<Config> {
    let server = server::read(root.section("server"), problems);

    let store = store::read(root.section("store"), passwords, problems);
    let audit = store::read_audit(root.section("audit"), store.as_ref(), problems);
    let traces = telemetry::read(root.section("telemetry"), problems);
    let operators = console::read(root.section("console"), problems);

    let documents = documents.or_else(|| read_documents(root.section("schemas"), problems));

    let tenants = root.section("tenants").sections();
    if tenants.is_empty() {
        problems.error(
            "tenants: there is none; add a [tenants.<name>] with its api_keys and [tenants.<name>.xceed]",
        );
    }
    let (tenants, keys): (Vec<_>, Vec<Vec<Key>>) = tenants
        .into_iter()
        .filter_map(|(name, section)| tenant::read(&name, section, folder, problems))
        .unzip();
    one_tenant_for_each_key(&keys, problems);
    let server = server?;
    let told_unsafe = server.judge(&tenants, problems);
    Some(Config {
        server: http::Settings {
            bind: server.bind,
            admin_bind: server.admin_bind,
            tls: server.tls,
            in_flight: server.in_flight,
            connections: server.connections,
            told_unsafe,
            keys: Arc::new(Keys(keys.into_iter().flatten().map(Arc::new).collect())),
            operators,
            workers: server.workers,
            public_url: server.public_url,
            peers: Arc::new(Peers {
                trusted: server.trusted_proxies,
                allowed: tenants
                    .iter()
                    .filter_map(|settings| {
                        Some((settings.tenant.name.clone(), settings.callback_allow.clone()?))
                    })
                    .collect(),
            }),
        },
        store: store?,
        audit,
        documents: documents?,
        tenants,
        traces,
        fixed: String::new(),
        content: [0; 32],
        warnings: Vec::new(),
    })
}

/// Whoever has a key acts for one tenant; the same hash in two of them would be the first's alone.
fn one_tenant_for_each_key(keys: &[Vec<Key>], problems: &mut Problems) {
    let all: Vec<&Key> = keys.iter().flatten().collect();
    for (place, key) in all.iter().enumerate() {
        if let Some(other) = all[..place].iter().find(|other| other.hash == key.hash) {
            let ((tenant, name), (first, its)) = ((&key.tenant, &key.name), (&other.tenant, &other.name));
            problems.error(format!(
                "tenants.{tenant}.api_keys: {name} has the same hash as {its} of {first}; `xceed-gateway key` makes another"
            ));
        }
    }
}

fn read_documents(mut schemas: Section, problems: &mut Problems) -> Option<Documents> {
    let dir = schemas.text("dir", "the folder of the schema sets, such as dir = \"xsd\"", problems);
    schemas.finish(problems);
    match Documents::read(Path::new(&dir?)) {
        Ok(documents) => Some(documents),
        Err(errors) => {
            errors.into_iter().for_each(|error| problems.error(format!("schemas.dir: {error}")));
            None
        }
    }
}

/// SHA-256 over all settings, sets and sources, which are in the order of their names.
fn fingerprint(settings: &str, config: &Config) -> String {
    let documents = &config.documents;
    let mut sum = Sha256::new_with_prefix(settings);
    for source in config.tenants.iter().flat_map(|tenant| &tenant.sources) {
        sum.update(format!("\n{}\n{}", source.name, source.text));
        for sample in &source.samples {
            sum.update(&sample.body);
            sum.update(sample.event.as_ref().map_or(&[][..], |(_, event)| event));
        }
    }
    for (version, texts) in &documents.versions {
        sum.update(format!("\n{version}\n{}", texts.mapping));
        for (name, text) in &texts.schemas {
            sum.update(format!("\n{name}\n"));
            sum.update(text);
        }
    }
    sum.update(format!("\n{}\n{}", documents.operations, documents.callback_wsdl));
    hex::encode(sum.finalize())
}

#[cfg(test)]
mod tests;
