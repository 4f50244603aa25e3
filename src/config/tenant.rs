//! One tenant's part of the configuration.

use super::material::client_tls;
use super::platforms;
use super::section::{Problems, Section};
use super::sources;
use crate::application::tenants::{Callback, Tenant};
use crate::domain::identifiers::TenantName;
use crate::domain::limits::Rule;
use crate::domain::pass_through;
use crate::domain::policy::Verdict;
use crate::domain::policy::{FallbackFor, FallbackPolicy, Policy, Thresholds};
use crate::http::auth::{Key, Role, read_hash};
use crate::sources::SourceSettings;
use crate::xceed::link;
use ipnet::IpNet;
use rust_decimal::Decimal;
use std::path::Path;
use std::time::Duration;

const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const CHANNEL: &str = "Wire";
/// What a tenant may send.
const REQUESTS_PER_SECOND: u64 = 500;
/// Events that leave together.
const CHUNK: u64 = 500;
const CALLBACK_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// Calls pass by Xceed where more of them fail than this share, for so long.
const PASS_OVER: Decimal = Decimal::from_parts(5, 0, 0, false, 2);
const PASS_FOR: Duration = Duration::from_secs(60);
/// Nobody else is known.
const CALLBACK_ALLOW: [&str; 2] = ["127.0.0.0/8", "::1/128"];
/// Stands for a callback id for each event.
const MINTED: &str = "minted";

/// A tenant: how it decides, and how it reaches Xceed.
#[derive(Debug)]
pub struct TenantSettings {
    /// How it decides.
    pub tenant: Tenant,
    /// Its link to Xceed.
    pub link: link::Settings,
    /// Where its decisions can go back to.
    pub platforms: crate::platforms::Settings,
    /// Who may call back, where anybody may.
    pub callback_allow: Option<Vec<IpNet>>,
    /// Its own sources.
    pub sources: Vec<SourceSettings>,
}

pub(super) fn read(
    name: &str,
    mut section: Section,
    folder: Option<&Path>,
    problems: &mut Problems,
) -> Option<(TenantSettings, Vec<Key>)> {
    let tenant_name = TenantName::new(name);
    let keys = read_keys(&mut section, &tenant_name, problems);
    let link = read_link(section.section("xceed"), problems);
    let policy = read_policy(section.section("policy"), problems);
    let (checks, requests_per_second) = read_limits(section.section("limits"), problems);
    let mut batch = section.section("batch");
    let chunk = batch.integer_or("chunk", CHUNK, 1..=10_000, problems);
    batch.finish(problems);
    let platforms = platforms::read(&mut section, problems);
    let sources = sources::read(section.section("sources"), folder, problems);
    section.finish(problems);
    let (link, resend_in_doubt, callback) = link?;
    let (callback, callback_allow) = callback.unzip();
    Some((
        TenantSettings {
            tenant: Tenant {
                name: tenant_name,
                policy,
                resend_in_doubt,
                callback,
                checks,
                requests_per_second,
                chunk: usize::try_from(chunk).unwrap_or(usize::MAX),
                targets: platforms.targets(),
            },
            link,
            platforms,
            callback_allow,
            sources,
        },
        keys,
    ))
}

fn read_keys(section: &mut Section, tenant: &TenantName, problems: &mut Problems) -> Vec<Key> {
    let entries = section.list("api_keys", problems);
    if entries.is_empty() {
        let cure = "there is none; `xceed-gateway key` makes one and prints the line to add";
        section.check("api_keys", problems, cure, || None::<()>);
    }
    entries.into_iter().filter_map(|entry| read_key(entry, tenant, problems)).collect()
}

fn read_key(mut entry: Section, tenant: &TenantName, problems: &mut Problems) -> Option<Key> {
    let name = entry.text("name", "a name for logs, such as name = \"desk\"", problems);
    let hash = entry.text("hash", "the key's hash, as `xceed-gateway key` prints it", problems);
    let hash = hash.and_then(|hash| {
        entry.check("hash", problems, "must be sha256: and 64 hexadecimal digits", || read_hash(&hash))
    });
    let roles = entry.words("roles", problems);
    let known = |word: &String| Role::ALL.into_iter().find(|role| role.name() == word);
    let roles = entry.check("roles", problems, "must list caller, operator or auditor", || {
        roles.filter(|words| !words.is_empty())?.iter().map(known).collect::<Option<Vec<_>>>()
    });
    let mut time = |key: &str| {
        let text = entry.optional_text(key, problems)?;
        let rule = "must be a time with its zone, such as 2026-12-31T23:59:59Z";
        entry.check(key, problems, rule, || text.parse::<jiff::Timestamp>().ok())
    };
    let (not_before, not_after) = (time("not_before"), time("not_after"));
    if not_before.zip(not_after).is_some_and(|(from, to)| from >= to) {
        entry.check("not_after", problems, "must be later than not_before", || None::<()>);
    }
    entry.finish(problems);
    Some(Key { name: name?, hash: hash?, tenant: tenant.clone(), roles: roles?, not_before, not_after })
}

fn read_link(
    mut section: Section,
    problems: &mut Problems,
) -> Option<(link::Settings, bool, Option<CalledBack>)> {
    let url = section.text("url", "Xceed's address, such as url = \"https://…\"", problems);
    let platform_id =
        section.text("platform_id", "issued by the vendor, such as platform_id = \"3\"", problems);
    let service_id =
        section.text("service_id", "issued by the vendor, such as service_id = \"210021\"", problems);
    let secret_key = section.required_secret("secret_key", problems);
    let secret_key_next = section.secret("secret_key_next", problems);
    let schema = section.text("schema", "the version of the schema set, such as schema = \"1.0\"", problems);
    let channel = section.text_or("channel", CHANNEL, problems);
    let channels = section.texts("channels", problems);
    let range = Duration::from_millis(100)..=Duration::from_secs(60);
    let attempt_timeout = section.duration_or("attempt_timeout", ATTEMPT_TIMEOUT, range, problems);
    let resend_in_doubt = section.boolean_or("resend_in_doubt", true, problems);
    let callback = read_callback(&mut section, problems);
    let tls = section.has("tls").then(|| section.section("tls"));
    let tls = tls.and_then(|tls| client_tls(tls, problems)).unwrap_or_default();
    let settings = link::Settings {
        url: url?,
        platform_id: platform_id?,
        service_id: service_id?,
        secret_key: secret_key?,
        secret_key_next,
        channel,
        channels,
        schema: schema?,
        attempt_timeout,
        tls,
    };
    for (key, rule) in settings.faults() {
        section.check(key, problems, rule, || None::<()>);
    }
    section.finish(problems);
    Some((settings, resend_in_doubt, callback))
}

/// How Xceed calls back, and from where.
type CalledBack = (Callback, Vec<IpNet>);

fn read_callback(section: &mut Section, problems: &mut Problems) -> Option<CalledBack> {
    let id = section.optional_text("callback_id", problems);
    let allow = section.networks("callback_allow", &CALLBACK_ALLOW, problems);
    let range = Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);
    let timeout = section.duration_or("callback_timeout", CALLBACK_TIMEOUT, range, problems);
    let id = id?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let rule = "must be 1 to 64 letters, digits, dots, hyphens or underscores, as registered at Xceed, or \"minted\"";
    section.check("callback_id", problems, rule, || {
        ((1..=64).contains(&id.len()) && id.bytes().all(fits)).then_some(())
    })?;
    let id = (id != MINTED).then(|| id.into());
    Some((Callback { id, timeout }, allow))
}

fn read_limits(mut section: Section, problems: &mut Problems) -> (Rule, u32) {
    let usual = Rule::default();
    let mut checks = section.section("checks_per_customer");
    let count = checks.integer_or("count", usual.count.into(), 1..=Rule::COUNT_MAX.into(), problems);
    let windows = Duration::from_secs(1)..=Rule::WINDOW_MAX;
    let window = checks.duration_or("window", usual.window, windows, problems);
    checks.finish(problems);
    let per_second = section.integer_or("requests_per_second", REQUESTS_PER_SECOND, 1..=1_000_000, problems);
    section.finish(problems);
    let rule = Rule { count: u32::try_from(count).unwrap_or(usual.count), window };
    (rule, u32::try_from(per_second).unwrap_or(u32::MAX))
}

fn read_policy(mut section: Section, problems: &mut Problems) -> Policy {
    let usual = Policy::default();
    let longest = u64::try_from(Policy::DEADLINE_MAX.as_millis()).unwrap_or(u64::MAX);
    let usual_deadline = u64::try_from(usual.deadline.as_millis()).unwrap_or(longest);
    let deadline = section.integer_or("deadline_ms", usual_deadline, 1..=longest, problems);
    let fallback = read_fallback(&mut section, "fallback", problems).unwrap_or(usual.fallback);
    let fallback_for = section.list("fallback_for", problems);
    let score = Some(Decimal::ONE_HUNDRED);
    let block_at = section.decimal("block_at", score, problems).unwrap_or(usual.block_at);
    let actions = if section.has("actions") { read_actions(&mut section, problems) } else { usual.actions };
    let mut thresholds = section.section("thresholds");
    let mut threshold = |key: &str, usual: Decimal| thresholds.decimal(key, score, problems).unwrap_or(usual);
    let read = Thresholds {
        standard: threshold("standard", usual.thresholds.standard),
        high_value: threshold("high_value", usual.thresholds.high_value),
        new_customer: threshold("new_customer", usual.thresholds.new_customer),
    };
    thresholds.finish(problems);
    let pass_through = section.has("pass_through").then(|| section.section("pass_through"));
    let pass_through = pass_through.map(|section| read_pass_through(section, problems));
    section.finish(problems);
    Policy {
        deadline: Duration::from_millis(deadline),
        fallback,
        fallback_for: fallback_for.into_iter().filter_map(|entry| read_exception(entry, problems)).collect(),
        block_at,
        actions,
        thresholds: read,
        pass_through,
    }
}

fn read_pass_through(mut section: Section, problems: &mut Problems) -> pass_through::Rule {
    let over = section.decimal("over", Some(Decimal::ONE), problems).unwrap_or(PASS_OVER);
    let slots = pass_through::SLOT..=Duration::from_secs(60 * 60);
    let time = section.duration_or("for", PASS_FOR, slots, problems);
    section.finish(problems);
    let slots = time.as_secs().div_ceil(pass_through::SLOT.as_secs());
    pass_through::Rule { over, slots: u32::try_from(slots).unwrap_or(u32::MAX) }
}

fn read_fallback(section: &mut Section, key: &str, problems: &mut Problems) -> Option<FallbackPolicy> {
    let word = section.optional_text(key, problems)?;
    section.check(key, problems, "must be \"neutral\", \"local\" or \"closed\"", || {
        FallbackPolicy::ALL.into_iter().find(|policy| policy.name() == word)
    })
}

fn read_exception(mut entry: Section, problems: &mut Problems) -> Option<FallbackFor> {
    let event_type = entry.optional_text("event_type", problems);
    let over = entry.decimal("over", None, problems);
    if !entry.has("policy") {
        entry.check("policy", problems, "is missing: \"neutral\", \"local\" or \"closed\"", || None::<()>);
    }
    let policy = read_fallback(&mut entry, "policy", problems);
    entry.finish(problems);
    Some(FallbackFor { event_type, over, policy: policy? })
}

fn read_actions(
    section: &mut Section,
    problems: &mut Problems,
) -> std::collections::BTreeMap<String, Verdict> {
    let words = section.texts("actions", problems);
    let rule = "must map Xceed's actions to ALLOW, CHALLENGE, REVIEW or BLOCK";
    let verdict = |word: &String| Verdict::ALL.into_iter().find(|verdict| verdict.name() == word);
    let read = || words.iter().map(|(action, word)| Some((action.clone(), verdict(word)?))).collect();
    section.check("actions", problems, rule, read).unwrap_or_default()
}
