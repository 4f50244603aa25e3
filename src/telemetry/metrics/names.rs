//! Every metric that the gateway has: its name, what it means, its labels. Names follow Prometheus: base units, `_total` for what
//! is counted.

use super::{Counter, Histogram, Moment};
use std::sync::RwLock;
use std::sync::atomic::AtomicI64;

/// What is asked for at each scrape; by a name that ends with `_total`, what others have counted.
#[derive(Debug)]
pub struct Gauge {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) labels: &'static [&'static str],
}

/// Times between a fifth of a millisecond and the longest deadline.
const SECONDS: &[f64] =
    &[0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0];
/// Of what is queued together.
const MANY: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

macro_rules! counters {
    ($($constant:ident = $name:literal, $help:literal, [$($label:literal),*];)*) => {
        $(#[doc = $help] pub static $constant: Counter = Counter::new($name, $help, &[$($label),*]);)*
        /// All counters, in the order in which they are shown.
        pub static COUNTERS: &[&Counter] = &[$(&$constant),*];
    };
}

macro_rules! histograms {
    ($($constant:ident = $name:literal, $help:literal, [$($label:literal),*], $bounds:expr;)*) => {
        $(#[doc = $help] pub static $constant: Histogram =
            Histogram::new($name, $help, &[$($label),*], $bounds);)*
        /// All histograms, in the order in which they are shown.
        pub static HISTOGRAMS: &[&Histogram] = &[$(&$constant),*];
    };
}

macro_rules! gauges {
    ($($constant:ident = $name:literal, $help:literal, [$($label:literal),*];)*) => {
        $(#[doc = $help] pub static $constant: Gauge = Gauge {
            name: $name, help: $help, labels: &[$($label),*],
        };)*
    };
}

counters! {
    REQUESTS = "xceed_gateway_http_requests_total", "Calls that were answered, by door and status.", ["method", "door", "status"];
    ACCEPTED = "xceed_gateway_events_accepted_total", "Events that were recorded.", ["tenant", "mode"];
    DECISIONS = "xceed_gateway_decisions_total", "What callers were told and what was decided behind, as recorded.", ["tenant", "decision", "outcome", "basis"];
    LATE = "xceed_gateway_late_scores_total", "Scores that came after the decision.", ["tenant", "decision"];
    STRICTER = "xceed_gateway_late_stricter_total", "Scores that came after the decision and were stricter than it.", ["tenant"];
    ATTEMPTS = "xceed_gateway_xceed_attempts_total", "Attempts that have ended, by how, and by return code where there was one.", ["tenant", "ended", "code"];
    PARKED = "xceed_gateway_parked_total", "Deliveries that were parked for a person.", ["tenant"];
    CALLBACKS = "xceed_gateway_callbacks_total", "Callbacks that were believed, by what they changed.", ["tenant", "effect"];
    CALLBACKS_REFUSED = "xceed_gateway_callbacks_refused_total", "Callbacks that were refused.", ["why"];
    PUSHES = "xceed_gateway_pushes_total", "Decisions on their way back that came to an end.", ["tenant", "target", "ended"];
    BATCH_LINES = "xceed_gateway_batch_lines_total", "Lines of batches, by what became of them.", ["tenant", "result"];
    HOLDS = "xceed_gateway_holds_total", "Queues that were held.", ["tenant", "code"];
    COMMITS = "xceed_gateway_store_commits_total", "Commits of the store.", ["result"];
    TOKENS = "xceed_gateway_token_requests_total", "Access tokens that a platform was asked for, by what came of it.", ["tenant", "platform", "result"];
    RETRIES = "xceed_gateway_retries_total", "Deliveries that the budget of retries let be sent again.", [];
    UNRECORDED = "xceed_gateway_unrecorded_answers_total", "Answers of the platforms' doors with nothing on disk.", ["basis"];
}

histograms! {
    REQUEST_SECONDS = "xceed_gateway_http_request_duration_seconds", "From a call's head to its answer's.", ["method", "door"], SECONDS;
    ATTEMPT_SECONDS = "xceed_gateway_xceed_attempt_duration_seconds", "From sign to Results.", ["tenant"], SECONDS;
    PREPARE_SECONDS = "xceed_gateway_prepare_duration_seconds", "Filling and validating a payload.", [], SECONDS;
    VALIDATE_SECONDS = "xceed_gateway_validate_duration_seconds", "Validating a payload against its schema set.", [], SECONDS;
    COMMIT_SECONDS = "xceed_gateway_store_commit_duration_seconds", "One commit of the store, with its flush.", [], SECONDS;
    COMMIT_WRITES = "xceed_gateway_store_commit_writes", "Writes that shared a commit.", [], MANY;
}

gauges! {
    BUILD = "xceed_gateway_build_info", "Which gateway this is; always 1.", ["version"];
    START = "process_start_time_seconds", "When the process started, since 1970.", [];
    MEMORY = "process_resident_memory_bytes", "Memory of the process.", [];
    CPU = "process_cpu_seconds_total", "Processor time of the process.", [];
    DESCRIPTORS = "process_open_fds", "Open file descriptors.", [];
    DESCRIPTORS_MAX = "process_max_fds", "File descriptors that it may have.", [];
    THREADS = "process_threads", "Threads of the process.", [];
    READY = "xceed_gateway_ready", "Whether it can take events in.", [];
    IN_FLIGHT = "xceed_gateway_calls_in_flight", "Calls under way.", [];
    IN_FLIGHT_MAX = "xceed_gateway_calls_in_flight_limit", "Calls that may be under way just now.", [];
    REFUSED = "xceed_gateway_calls_refused_total", "Calls that found no place since the start.", [];
    EVENTS = "xceed_gateway_events_in_flight", "Events that somebody works on.", [];
    DELIVERIES = "xceed_gateway_deliveries", "Deliveries that are not done, by state.", ["state"];
    OLDEST = "xceed_gateway_delivery_oldest_age_seconds", "How long the oldest delivery of a state has been there.", ["state"];
    BREAKER = "xceed_gateway_breaker_state", "1 for the state that a tenant's breaker has.", ["tenant", "state"];
    BYPASSED = "xceed_gateway_pass_through", "Whether a tenant's calls pass Xceed by.", ["tenant"];
    KEPT = "xceed_gateway_breaker_kept", "Lines of events that wait for a tenant's breaker.", ["tenant"];
    HELD = "xceed_gateway_held", "Queues that are held.", ["tenant", "queue", "code"];
    STORE_WELL = "xceed_gateway_store_well", "Whether the last commit succeeded.", [];
    SIGNED = "xceed_gateway_audit_checkpoint_age_seconds", "Since the audit trail's end was signed outside the database.", [];
    CONFIGURATION = "xceed_gateway_configuration_refused", "Whether the configuration as it is now was refused.", [];
    CERTIFICATE_ENDS = "xceed_gateway_certificate_expiry_timestamp_seconds", "When a certificate that the gateway shows ends, since 1970: the server's, or a tenant's to Xceed.", ["certificate"];
    CLOCK = "xceed_gateway_clock_apart", "Whether the machine's clock was set and time is still nearing it.", [];
}

/// The certificates that the gateway shows, and when they end, in seconds since 1970.
pub static CERTIFICATES: RwLock<Vec<(String, f64)>> = RwLock::new(Vec::new());

/// The audit trail's end, as far as it is on disk, is signed outside the database.
pub static SIGNED_AT: Moment = Moment(AtomicI64::new(0));
