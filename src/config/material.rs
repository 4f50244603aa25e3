//! Certificates, keys and secrets in files. Who else may read a private one is looked at, and told.

use super::section::{Problems, Section};
use crate::tls::{ClientSettings, Identity, ServerSettings, client, roots, server};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// The largest such file, in bytes.
const SIZE_MAX: u64 = 1024 * 1024;
/// The bits of a mode that let everybody read or write.
const OTHERS: u32 = 0o006;

/// Reads a file that nobody else may.
///
/// # Errors
/// It can't be read, is too long, or everybody may read it; in words that say what to do.
pub(super) fn private(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = public(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map_err(|error| unreadable(&error))?.permissions().mode();
        if mode & OTHERS != 0 {
            return Err(format!(
                "the file that it names can be read or changed by everybody on this machine; chmod 600 {} (in Kubernetes: defaultMode: 0440 and fsGroup)",
                path.display()
            ));
        }
    }
    Ok(bytes)
}

fn public(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    file.take(SIZE_MAX + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > SIZE_MAX {
        return Err(format!("the file that it names is longer than {SIZE_MAX} bytes"));
    }
    Ok(bytes)
}

fn unreadable(error: &std::io::Error) -> String {
    format!("the file that it names can't be read ({error})")
}

/// `server.tls`: `{ cert, key, client_ca }`
pub(super) fn server_tls(mut section: Section, problems: &mut Problems) -> Option<ServerSettings> {
    let identity = identity(&mut section, problems);
    if identity.is_none() && !section.has("cert") && !section.has("key") {
        section.check("cert", problems, "is missing: the certificate's file, as PEM", || None::<()>);
    }
    let client_ca = authorities(&mut section, "client_ca", problems);
    let settings = identity.map(|identity| ServerSettings { identity, client_ca });
    try_out(&section, settings.as_ref().map(|settings| server(settings).map(drop)), problems);
    section.finish(problems);
    settings
}

/// `tenants.X.xceed.tls`: `{ ca, cert, key }`
pub(super) fn client_tls(mut section: Section, problems: &mut Problems) -> Option<ClientSettings> {
    let settings = ClientSettings {
        ca: authorities(&mut section, "ca", problems),
        identity: identity(&mut section, problems),
    };
    // What the system trusts is looked at when a connection is made.
    let tried = settings.identity.is_some() || settings.ca.is_some();
    try_out(&section, tried.then(|| client(&settings).map(drop)), problems);
    section.finish(problems);
    Some(settings)
}

fn try_out(section: &Section, tried: Option<Result<(), String>>, problems: &mut Problems) {
    if let Some(Err(why)) = tried {
        section.check("cert", problems, &why, || None::<()>);
    }
}

fn identity(section: &mut Section, problems: &mut Problems) -> Option<Identity> {
    let (cert, key) = (section.optional_text("cert", problems), section.optional_text("key", problems));
    let (cert, key) = match (cert, key) {
        (None, None) => return None,
        (Some(cert), Some(key)) => (cert, key),
        (Some(_), None) => {
            section.check("key", problems, "is missing: the private key's file, as PEM", || None::<()>);
            return None;
        }
        (None, Some(_)) => {
            section.check("cert", problems, "is missing: the certificate's file, as PEM", || None::<()>);
            return None;
        }
    };
    let chain = read(section, "cert", public(Path::new(&cert)), problems)?;
    let private = read(section, "key", private(Path::new(&key)), problems)?;
    match roots(&chain) {
        Err(why) => section.check("cert", problems, &format!("the file that it names {why}"), || None),
        Ok(_) => match Identity::read(&chain, private) {
            Err(why) => section.check("key", problems, &format!("the file that it names: {why}"), || None),
            Ok(identity) => Some(identity),
        },
    }
}

fn authorities(
    section: &mut Section,
    key: &str,
    problems: &mut Problems,
) -> Option<Vec<rustls::pki_types::CertificateDer<'static>>> {
    let path = section.optional_text(key, problems)?;
    let pem = read(section, key, public(Path::new(&path)), problems)?;
    match roots(&pem) {
        Ok(authorities) => Some(authorities),
        Err(why) => section.check(key, problems, &format!("the file that it names {why}"), || None),
    }
}

fn read(
    section: &Section,
    key: &str,
    read: Result<Vec<u8>, String>,
    problems: &mut Problems,
) -> Option<Vec<u8>> {
    match read {
        Ok(bytes) => {
            problems.has_read(&bytes);
            Some(bytes)
        }
        Err(why) => section.check(key, problems, &why, || None),
    }
}
