//! `GET /metrics`, for Prometheus.

use super::health;
use crate::application::breakers::View;
use crate::application::gateway::{Desk, Gateway};
use crate::application::ports::Backlog;
use crate::domain::breaker::State;
use crate::telemetry;
use crate::telemetry::metrics::{self as known, Gauge, Text};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use std::time::SystemTime;

/// What Prometheus reads.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything that is known just now.
pub(super) async fn show(request: HttpRequest) -> HttpResponse {
    let Some(desk) = request.app_data::<Desk>() else { return super::problem::not_found().await };
    let gateway = &desk.gateway;
    // What can't be read is left out, and whether the store is well says why.
    let backlog = gateway.store.backlog().await.unwrap_or_default();
    let mut text = Text::default();
    known::COUNTERS.iter().for_each(|counter| text.counter(counter));
    known::HISTOGRAMS.iter().for_each(|histogram| text.histogram(histogram));
    let mut one = |gauge: &Gauge, value: f64| text.gauge(gauge, [(Vec::new(), value)]);
    let (limit, under_way, refused) = gateway.places.counts();
    one(&known::READY, truth(health::reasons(gateway).is_empty()));
    one(&known::IN_FLIGHT, under_way as f64);
    one(&known::IN_FLIGHT_MAX, limit as f64);
    one(&known::REFUSED, refused as f64);
    one(&known::EVENTS, gateway.tickets.count() as f64);
    one(&known::STORE_WELL, truth(gateway.store.is_well()));
    one(&known::CONFIGURATION, truth(gateway.is_configuration_refused.load(Relaxed)));
    one(&known::CLOCK, truth(telemetry::is_apart()));
    if let Some(age) = known::SIGNED_AT.age() {
        one(&known::SIGNED, age);
    }
    text.gauge(&known::BUILD, [(vec![telemetry::VERSION.to_owned()], 1.0)]);
    let ends = known::CERTIFICATES.read().unwrap_or_else(PoisonError::into_inner).clone();
    text.gauge(&known::CERTIFICATE_ENDS, ends.into_iter().map(|(name, at)| (vec![name], at)));
    waiting(&mut text, gateway, &backlog);
    breakers(&mut text, gateway);
    process(&mut text);
    HttpResponse::Ok().content_type(FORMAT).body(text.end())
}

fn waiting(text: &mut Text, gateway: &Gateway, backlog: &[Backlog]) {
    let of = |state: &Backlog| vec![state.state.clone()];
    text.gauge(&known::DELIVERIES, backlog.iter().map(|state| (of(state), state.count as f64)));
    let now = gateway.clock.now();
    let age = |state: &Backlog| Some((of(state), now.duration_since(state.since?).as_secs_f64()));
    text.gauge(&known::OLDEST, backlog.iter().filter_map(age));
    let holds = gateway.holds.all().into_iter();
    let named = holds.map(|hold| vec![hold.tenant.to_string(), hold.queue.to_string(), hold.code]);
    text.gauge(&known::HELD, named.map(|labels| (labels, 1.0)));
}

fn breakers(text: &mut Text, gateway: &Gateway) {
    let views = gateway.breakers.views();
    let states = views.iter().flat_map(|(tenant, view)| {
        let is = |name: &str| (vec![tenant.to_string(), name.to_owned()], truth(view.state.name() == name));
        State::NAMES.map(is)
    });
    text.gauge(&known::BREAKER, states);
    let passes = |view: &View| truth(view.bypassed_since.is_some());
    text.gauge(&known::BYPASSED, views.iter().map(|(tenant, view)| (vec![tenant.to_string()], passes(view))));
    text.gauge(&known::KEPT, views.iter().map(|(tenant, view)| (vec![tenant.to_string()], view.kept as f64)));
}

/// What the process takes of the machine, where that is Linux.
fn process(text: &mut Text) {
    let mut one = |gauge: &Gauge, value: Option<f64>| {
        if let Some(value) = value {
            text.gauge(gauge, [(Vec::new(), value)]);
        }
    };
    let read = |file: &str| std::fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
    let (status, stat, limits) = (read("status"), read("stat"), read("limits"));
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    one(&known::MEMORY, kibibytes.and_then(number).map(|number| number * 1024.0));
    // Behind the name, which may hold anything: user and system time, in hundredths of a second.
    let behind = stat.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> = behind.split_whitespace().skip(11).take(2).filter_map(number).collect();
    one(&known::CPU, (ticks.len() == 2).then(|| ticks.iter().sum::<f64>() / 100.0));
    one(&known::THREADS, behind.split_whitespace().nth(17).and_then(number));
    one(&known::DESCRIPTORS, std::fs::read_dir("/proc/self/fd").ok().map(|open| open.count() as f64));
    let most = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    one(&known::DESCRIPTORS_MAX, most.and_then(number));
    let begun = std::fs::metadata("/proc/self").and_then(|process| process.modified()).ok();
    let since = begun.and_then(|begun| begun.duration_since(SystemTime::UNIX_EPOCH).ok());
    one(&known::START, since.map(|since| since.as_secs_f64().floor()));
}

/// The first number of a text.
fn number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}
