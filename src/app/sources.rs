//! The sources of all tenants, compiled and tried with the samples that lie beside them.

use crate::config::TenantSettings;
use crate::domain::field::Field;
use crate::domain::identifiers::TenantName;
use crate::http::json;
use crate::sources::{Name, SampleSettings, Source, SourceSettings, Sources};
use crate::telemetry;
use crate::xceed::link::Link;
use crate::xceed::soap_client::{Links, prepare};
use std::collections::BTreeSet;

/// Stands for the name of an event that has none of its own.
const NAMELESS: &str = "sample";

/// The sources of all tenants, and what is odd about them.
///
/// # Errors
/// All that is wrong with any of them, and with what they make of their samples.
pub fn compile(tenants: &[TenantSettings], links: &Links) -> Result<(Sources, Vec<String>), Vec<String>> {
    let (mut sources, mut errors, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    for settings in tenants {
        let name = &settings.tenant.name;
        let Some(link) = links.get(name) else { continue };
        for source in SourceSettings::shipped().iter().chain(&settings.sources) {
            match Source::compile(source, link.members()) {
                Ok(compiled) => {
                    let mut trial = Trial { tenant: name, link, settings: source, source: &compiled };
                    errors.extend(source.samples.iter().flat_map(|sample| trial.run(sample)));
                    warnings.extend(trial.idle());
                    sources.push((name.clone(), compiled));
                }
                Err(wrong) => errors.extend(wrong),
            }
        }
    }
    if errors.is_empty() { Ok((sources.into_iter().collect(), warnings)) } else { Err(errors) }
}

/// A source, tried with its samples.
struct Trial<'s> {
    tenant: &'s TenantName,
    link: &'s Link,
    settings: &'s SourceSettings,
    source: &'s Source,
}

impl Trial<'_> {
    /// What is wrong with the event that a sample becomes.
    fn run(&mut self, sample: &SampleSettings) -> Vec<String> {
        let body = match json::read(&sample.body) {
            Ok(body) => body,
            Err(unreadable) => return vec![format!("{}: {unreadable}", sample.file)],
        };
        let reading = self.source.read(self.tenant, &body);
        let mut faults: Vec<_> = reading.missing.iter().map(|fault| (fault.clone(), None)).collect();
        let named = reading.name == Name::Given;
        let event = reading.named(NAMELESS.to_owned());
        if let Err(wrong) = prepare(self.link, &event, telemetry::now()) {
            let line = |member: &str| self.source.line(member);
            faults.extend(
                wrong.into_iter().map(|fault| (self.source.locate(fault.clone()), line(&fault.field))),
            );
        }
        let fault = |(fault, line): (crate::domain::event::FieldFault, Option<usize>)| {
            let from = line.map(|line| format!(" (by {}:{line})", self.settings.file)).unwrap_or_default();
            format!("{}: {}: {}: {}{from}", sample.file, fault.field, fault.rule, fault.message)
        };
        let faults: Vec<_> = faults.into_iter().map(fault).collect();
        if !faults.is_empty() {
            return faults;
        }
        self.compare(sample, &event, named).into_iter().collect()
    }

    /// Where the event is another than the one that lies beside the sample.
    fn compare(&self, sample: &SampleSettings, event: &Field<'_>, named: bool) -> Option<String> {
        let (file, expected) = sample.event.as_ref()?;
        let expected = match json::read(expected) {
            Ok(expected) => expected,
            Err(unreadable) => return Some(format!("{file}: {unreadable}")),
        };
        let (mut found, mut wanted) = (leaves(event), leaves(&expected));
        if !named && expected.member("eventId").is_none() {
            found.retain(|(path, _)| path != "eventId");
        }
        wanted.retain(|leaf| !found.contains(leaf));
        found.retain(|leaf| !leaves(&expected).contains(leaf));
        let members: BTreeSet<String> = found.into_iter().chain(wanted).map(|(path, _)| path).collect();
        let member = members.first()?;
        let line = self.source.line(member).map(|line| format!(", fed by {}:{line}", self.settings.file));
        let others =
            if members.len() > 1 { format!(", and {} more", members.len() - 1) } else { String::new() };
        Some(format!(
            "{}: becomes another event than {file} says: look at {member}{}{others}; `xceed-gateway translate --source {} {}` shows it",
            sample.file,
            line.unwrap_or_default(),
            self.settings.name,
            sample.file
        ))
    }

    /// Members that no sample has data for.
    fn idle(&self) -> Vec<String> {
        let samples = &self.settings.samples;
        let bodies: Vec<_> = samples.iter().filter_map(|sample| json::read(&sample.body).ok()).collect();
        let mut idle: Vec<&str> = Vec::new();
        if let Some(first) = bodies.first() {
            idle = self.source.unfed(first);
            idle.retain(|member| bodies.iter().all(|body| self.source.unfed(body).contains(member)));
        }
        let warning = |member: &str| {
            let line = self.source.line(member).map(|line| format!(":{line}")).unwrap_or_default();
            format!(
                "{}{line}: {member}: is found in none of the samples; look whether its path is right",
                self.settings.file
            )
        };
        idle.into_iter().map(warning).collect()
    }
}

/// Every value with its path.
fn leaves(field: &Field<'_>) -> Vec<(String, String)> {
    match field {
        Field::Object(members) => {
            let below = |name: &str, (path, value): (String, String)| {
                let path = if path.is_empty() { name.to_owned() } else { format!("{name}.{path}") };
                (path, value)
            };
            let leaves = members
                .iter()
                .flat_map(|(name, value)| leaves(value).into_iter().map(move |leaf| below(name, leaf)));
            leaves.collect()
        }
        other => vec![(String::new(), format!("{other:?}"))],
    }
}
