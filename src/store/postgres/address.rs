//! Where the shared store is, read from its URL, and how it may be reached: by TLS, or in the clear where that is
//! loopback or written out.

use crate::secrets::Secret;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;
use tokio_postgres::config::{Host, SslMode};

/// A server that does not accept a connection within that time counts as gone.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
/// How soon a connection is probed that nothing comes from, and how long nothing may be acknowledged.
const SILENCE: Duration = Duration::from_secs(3);

/// Where the shared store is.
#[derive(Clone)]
pub struct PostgresSettings {
    pub(super) config: tokio_postgres::Config,
}

impl PostgresSettings {
    /// Reads `postgres://user:password@host:port/database?sslmode=…`.
    ///
    /// # Errors
    /// What is wrong with it, without the password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (url, mode) = take_mode(url)?;
        let mut config: tokio_postgres::Config =
            url.parse().map_err(|error| format!("is no URL of a PostgreSQL database ({error})"))?;
        if config.get_hosts().is_empty() {
            return Err("names no host, such as postgres://user@db.example:5432/gateway".to_owned());
        }
        if config.get_dbname().is_none() {
            return Err("names no database, such as postgres://user@db.example:5432/gateway".to_owned());
        }
        let is_near = config.get_hosts().iter().all(is_near);
        config.ssl_mode(match mode.as_deref() {
            Some("disable") => SslMode::Disable,
            None if is_near => SslMode::Disable,
            None | Some("require" | "verify-full") => SslMode::Require,
            Some(other) => {
                return Err(format!(
                    "asks for sslmode={}, which may leave the password unprotected; write verify-full, require \
                     (both check the certificate), or disable",
                    other.escape_debug()
                ));
            }
        });
        config.connect_timeout(CONNECT_PATIENCE);
        config.keepalives(true).keepalives_idle(SILENCE).keepalives_interval(Duration::from_secs(1));
        config.keepalives_retries(3).tcp_user_timeout(SILENCE);
        if config.get_application_name().is_none() {
            config.application_name("xceed-gateway");
        }
        Ok(Self { config })
    }

    /// Whether the URL itself holds a password.
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// With this password, unless the URL holds one.
    #[must_use]
    pub fn or_password(mut self, password: Option<&Secret>) -> Self {
        if let Some(password) = password.filter(|_| !self.has_password()) {
            self.config.password(password.expose());
        }
        self
    }

    /// Its servers: names and ports.
    pub fn places(&self) -> Vec<(String, u16)> {
        let ports = self.config.get_ports();
        let port = |n: usize| ports.get(n).or_else(|| ports.first()).copied().unwrap_or(5432);
        self.config.get_hosts().iter().enumerate().map(|(n, host)| (name(host), port(n))).collect()
    }

    /// The password that a file of passwords has for it: lines of `host:port:database:user:password`, where `*` is any.
    pub fn password_in(&self, file: &str) -> Option<Secret> {
        let port = self.config.get_ports().first().unwrap_or(&5432).to_string();
        let host = self.config.get_hosts().first().map(name)?;
        let of = [&host, &port, self.config.get_dbname()?, self.config.get_user()?];
        let found = file.lines().find_map(|line| {
            let mut fields = line.splitn(5, ':');
            let fits = of.iter().all(|own| fields.next().is_some_and(|field| field == "*" || field == *own));
            fields.next().filter(|_| fits && !line.starts_with('#'))
        });
        found.map(|password| Secret::new(password.to_owned()))
    }
}

impl fmt::Display for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.config.get_hosts().iter().map(name).collect();
        write!(f, "postgres://{}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresSettings({self})")
    }
}

impl PartialEq for PostgresSettings {
    fn eq(&self, other: &Self) -> bool {
        self.config == other.config
    }
}

impl Eq for PostgresSettings {}

/// The URL without its `sslmode`, of which the driver knows fewer.
fn take_mode(url: &str) -> Result<(String, Option<String>), String> {
    let Some((before, query)) = url.split_once('?') else { return Ok((url.to_owned(), None)) };
    let (modes, others): (Vec<_>, Vec<_>) =
        query.split('&').partition(|option| option.split('=').next() == Some("sslmode"));
    let mode = match modes[..] {
        [] => None,
        [one] => one.split_once('=').map(|(_, mode)| mode.to_owned()),
        _ => return Err("says sslmode more than once".to_owned()),
    };
    let others = others.join("&");
    Ok((if others.is_empty() { before.to_owned() } else { format!("{before}?{others}") }, mode))
}

/// Whether what is sent there does not leave this machine.
fn is_near(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        Host::Unix(_) => true,
    }
}

fn name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) => folder.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> Result<SslMode, String> {
        PostgresSettings::parse(url).map(|settings| settings.config.get_ssl_mode())
    }

    #[test]
    fn only_loopback_is_reached_in_the_clear_unless_it_is_written_out() {
        assert_eq!(mode("postgres://u:p@127.0.0.1:5433/g"), Ok(SslMode::Disable));
        assert_eq!(mode("postgres://u@[::1]/g"), Ok(SslMode::Disable));
        assert_eq!(mode("postgres://u@localhost/g?sslmode=require"), Ok(SslMode::Require));
        assert_eq!(mode("postgresql://u@db.example/g"), Ok(SslMode::Require));
        assert_eq!(
            mode("postgres://u@db.example/g?connect_timeout=3&sslmode=verify-full"),
            Ok(SslMode::Require)
        );
        assert_eq!(mode("postgres://u@db.example/g?sslmode=disable"), Ok(SslMode::Disable));
        assert_eq!(mode("postgres://u@localhost,db.example/g"), Ok(SslMode::Require));
        let refused =
            mode("postgres://u:hush@db.example/g?sslmode=prefer").expect_err("it may be in the clear");
        assert!(refused.contains("sslmode=prefer") && !refused.contains("hush"), "{refused}");
    }

    #[test]
    fn what_is_no_url_is_refused_without_the_password() {
        for wrong in [
            "postgres://u:hush@/g",
            "postgres://u:hush@db.example",
            "postgres://u:hush@db.example:no/g",
            "postgres://u:hush@db.example/g?hushed=1",
            "postgres://u:hush@db.example/g?sslmode=disable&sslmode=require",
        ] {
            let refused = PostgresSettings::parse(wrong).expect_err(wrong);
            assert!(!refused.contains("hush@") && !refused.contains(":hush"), "{refused}");
        }
    }

    #[test]
    fn it_is_shown_without_its_password() {
        let settings = PostgresSettings::parse("postgres://u:hush@db.example:5433/g").expect("a URL");
        assert_eq!(format!("{settings} {settings:?}").matches("hush").count(), 0);
        assert!(settings.has_password());
    }

    #[test]
    fn a_password_comes_from_elsewhere_too() {
        let settings = PostgresSettings::parse("postgres://u@db.example:5433/g").expect("a URL");
        let file = "# a comment\nother:*:*:u:no\n*:5432:g:u:no\ndb.example:5433:g:u:a:b\n*:*:*:*:last";
        let password = settings.password_in(file).expect("a line");
        assert_eq!(password.expose(), "a:b");
        let settings = settings.or_password(Some(&password));
        assert_eq!(settings.config.get_password(), Some(b"a:b".as_slice()));
        let own = PostgresSettings::parse("postgres://u:own@db.example/g").expect("a URL");
        assert_eq!(own.or_password(Some(&password)).config.get_password(), Some(b"own".as_slice()));
    }
}
