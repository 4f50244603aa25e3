//! `[store]`: where the gateway records, and how it gets into a shared database.

use super::section::{Problems, Section};
use crate::secrets::Secret;
use crate::store::{PlaceSettings, PostgresSettings, SealingSettings, Settings, audit};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Events are kept so long unless it is told otherwise.
const RETENTION: Duration = Duration::from_hours(30 * 24);
/// Callers may rely on an idempotency key for so long, at least.
const IDEMPOTENCY: Duration = Duration::from_hours(72);
/// The longest that anything is kept.
const KEPT_MAX: Duration = Duration::from_hours(3650 * 24);

/// Where a database's password may come from, as for every program that uses PostgreSQL.
#[derive(Debug, Default)]
pub(super) struct Passwords {
    /// `PGPASSWORD`
    password: Option<Secret>,
    /// `PGPASSFILE`, or the usual one.
    file: Option<PathBuf>,
}

impl Passwords {
    /// Those that the environment names.
    pub(super) fn of(environment: &[(String, String)]) -> Self {
        let variable = |wanted: &str| {
            let found = environment.iter().find(|(name, value)| name == wanted && !value.is_empty());
            found.map(|(_, value)| value.clone())
        };
        let file = variable("PGPASSFILE").map(PathBuf::from);
        Self {
            password: variable("PGPASSWORD").map(Secret::new),
            file: file.or_else(|| Some(Path::new(&variable("HOME")?).join(".pgpass"))),
        }
    }

    fn of_database(&self, settings: &PostgresSettings) -> Option<Secret> {
        let read = || std::fs::read_to_string(self.file.as_ref()?).ok();
        self.password.clone().or_else(|| settings.password_in(&read()?))
    }
}

pub(super) fn read(mut store: Section, passwords: &Passwords, problems: &mut Problems) -> Option<Settings> {
    let url = store.text("url", "where to record, such as url = \"sqlite:data/gateway.db\"", problems);
    let idempotency = store.duration_or("idempotency", IDEMPOTENCY, IDEMPOTENCY..=KEPT_MAX, problems);
    let retention = store.duration_or("retention", RETENTION, IDEMPOTENCY..=KEPT_MAX, problems);
    let rule = "must not be shorter than store.idempotency: an event is known by its key as long as that";
    store.check("retention", problems, rule, || (retention >= idempotency).then_some(()));
    let place = url.and_then(|url| match parse(&url, passwords) {
        Ok(place) => Some(place),
        Err(why) => {
            problems.error(format!("store.url: {why}"));
            None
        }
    });
    let mut key = |name: &str| {
        let key = store.secret(name, problems)?;
        let rule = "must be 64 hexadecimal digits: openssl rand -hex 32 makes some";
        store.check(name, problems, rule, || SealingSettings::is_key(&key).then_some(key.clone()))
    };
    let sealing = SealingSettings { key: key("encryption_key"), old: key("encryption_key_old") };
    store.finish(problems);
    Some(Settings { place: place?, retention, idempotency, sealing })
}

/// Where the configuration does not say, the checkpoints and their key lie beside the store's file, or in `data`.
pub(super) fn read_audit(
    mut audit: Section,
    store: Option<&Settings>,
    problems: &mut Problems,
) -> audit::Settings {
    let folder = match store.map(|store| &store.place) {
        Some(PlaceSettings::Sqlite(file)) => file.parent(),
        _ => None,
    };
    let mut settings = audit::Settings::within(folder.unwrap_or_else(|| Path::new("data")));
    if let Some(checkpoints) = audit.optional_text("checkpoints", problems) {
        settings.checkpoints = PathBuf::from(checkpoints);
    }
    if let Some(key) = audit.secret_source("signing_key", problems) {
        settings.signing_key = key;
    }
    audit.finish(problems);
    settings
}

fn parse(url: &str, passwords: &Passwords) -> Result<PlaceSettings, String> {
    if let Some(file) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
        return Ok(PlaceSettings::Sqlite(PathBuf::from(file)));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let settings = PostgresSettings::parse(url)?;
        let password = passwords.of_database(&settings);
        return Ok(PlaceSettings::Postgres(Box::new(settings.or_password(password.as_ref()))));
    }
    Err("must be sqlite: and the path of a file, such as sqlite:data/gateway.db, or the URL of a PostgreSQL \
         database, such as postgres://gateway@db.example/gateway"
        .to_owned())
}
