//! The return codes of the vendor's public developer page: a code as received, and what each of the 25 known ones
//! means. A return code is data, not an error. Adding one is a variant, its row, and a fixture; the compiler names
//! the places.

/// A return code as it came. A word that is not known survives as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// One of the 25.
    Known(ReturnCode),
    /// Any other word: handled like nothing was promised.
    Unknown(String),
}

/// A word that nobody knows is logged up to this length.
const SHOWN_MAX: usize = 40;

impl Received {
    /// Reads the word of a Results.
    pub fn parse(word: &str) -> Self {
        ReturnCode::parse(word).map_or_else(|| Self::Unknown(word.to_owned()), Self::Known)
    }

    /// The word for a log: one that nobody knows only where it looks like a code, since it may be anything else.
    pub fn shown(&self) -> &str {
        let is_like_a_code = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        match self {
            Self::Unknown(word) if word.len() > SHOWN_MAX || !word.bytes().all(is_like_a_code) => "(no code)",
            _ => self.word(),
        }
    }

    /// The word as it came.
    pub fn word(&self) -> &str {
        match self {
            Self::Known(code) => code.row().code,
            Self::Unknown(word) => word,
        }
    }

    /// What it means.
    pub fn row(&self) -> &'static Row {
        match self {
            Self::Known(code) => code.row(),
            Self::Unknown(_) => &ANY_OTHER_WORD,
        }
    }
}

/// What Xceed did with the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Done.
    Processed,
    /// Done, with something to look at.
    ProcessedWithWarning,
    /// Queued at Xceed; it will be done there without us.
    ProcessedLater,
    /// Refused: nothing was kept.
    NotProcessed,
    /// Passed over: nothing was kept, and nothing blocks what follows.
    Skipped,
    /// Nobody knows.
    Unknown,
}

impl Disposition {
    /// Its word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Processed => "PROCESSED",
            Self::ProcessedWithWarning => "PROCESSED_WITH_WARNING",
            Self::ProcessedLater => "PROCESSED_LATER",
            Self::NotProcessed => "NOT_PROCESSED",
            Self::Skipped => "SKIPPED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// What a decision is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// The tenant's policy on riskAction, then riskScore.
    Score,
    /// The policy's thresholds alone.
    Thresholds,
    /// The fallback policy.
    Fallback,
    /// The fallback policy, because Xceed is in maintenance.
    Maintenance,
    /// `ALLOW` under every policy: scores of the data-collection phase must not be used.
    DataCollection,
}

/// What the gateway does with the delivery afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Settled: never sent again.
    Settle,
    /// Sent again after a while, under the same event id.
    Backoff,
    /// A new access token once, then kept for a person.
    Refresh,
    /// Kept for a person.
    Park,
    /// Kept for a person, and sent again only if that person insists.
    ParkForced,
    /// Kept for a person; three in a row hold the queue, since the cause is not one event's.
    ParkHold,
}

impl Next {
    /// Whether Xceed did not take the event, and a person has to look.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Park | Self::ParkForced | Self::ParkHold | Self::Refresh)
    }

    /// As the table of return codes words it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Settle => "none",
            Self::Backoff => "backoff",
            Self::Refresh => "refresh",
            Self::Park => "park",
            Self::ParkForced => "park, replay only if forced",
            Self::ParkHold => "park/hold",
        }
    }
}

/// One row of the table of return codes.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The word.
    pub code: &'static str,
    /// Which requests it can answer.
    pub scope: &'static str,
    /// What Xceed did with the event.
    pub disposition: Disposition,
    /// What the decision is made from.
    pub decided_by: DecidedBy,
    /// What happens to the delivery.
    pub next: Next,
    /// Who should know, and how urgently; empty where nobody needs to.
    pub alert: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What a person should do.
    pub action: &'static str,
}

impl Row {
    /// The column `basis`, in words.
    pub fn basis(&self) -> &'static str {
        match self.decided_by {
            DecidedBy::Score => "score",
            DecidedBy::Thresholds => "score, by thresholds alone",
            DecidedBy::Fallback if self.code == TRANSPORT_FAILURE.code => "fallback, basis transport",
            DecidedBy::Fallback if self.next == Next::Refresh => "after refresh",
            DecidedBy::Fallback if self.scope == BATCH => "–",
            DecidedBy::Fallback => "fallback",
            DecidedBy::Maintenance => "fallback, basis maintenance",
            DecidedBy::DataCollection => "ALLOW under every policy",
        }
    }

    /// The column `next`, in words.
    pub fn next(&self) -> &'static str {
        if self.code == TRANSPORT_FAILURE.code { "backoff, same eventId" } else { self.next.name() }
    }
}

const ALL: &str = "all";
const SYNC: &str = "sync";
const SYNC_SCORED: &str = "sync, response required";
const SCORED: &str = "response required";
const BATCH: &str = "batch";
const REST: &str = "REST";
const NOT_DOCUMENTED: &str = "not documented";

macro_rules! return_codes {
    ($($variant:ident $code:literal $scope:ident $disposition:ident $by:ident $next:ident $alert:literal
        $meaning:tt; $action:tt;)*) => {
        /// The 25 return codes. [`Self::row`] documents each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each variant's row says it")]
        pub enum ReturnCode { $($variant),* }

        impl ReturnCode {
            /// All of them, in the order of the vendor's page.
            pub const ALL: [Self; 25] = [$(Self::$variant),*];

            /// Reads a code's word, exactly as it is written.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($code => Some(Self::$variant),)* _ => None }
            }

            /// What it means.
            pub fn row(self) -> &'static Row {
                match self {
                    $(Self::$variant => &Row {
                        code: $code,
                        scope: $scope,
                        disposition: Disposition::$disposition,
                        decided_by: DecidedBy::$by,
                        next: Next::$next,
                        alert: $alert,
                        meaning: $meaning,
                        action: $action,
                    },)*
                }
            }
        }
    };
}

return_codes! {
    Success "SUCCESS" ALL Processed Score Settle ""
        "The event was received and processed."; "None.";
    NotSupported "NOT_SUPPORTED" ALL NotProcessed Fallback ParkHold "critical: licence"
        "The product licence does not include real-time scores.";
        "Ask the vendor's support to extend the licence, then resume the queue.";
    BadServiceId "BAD_SERVICE_ID" ALL NotProcessed Fallback ParkHold "critical: configuration"
        "The service id is wrong or unreadable."; "Correct service_id, then resume the queue.";
    HashKeyFail "HASH_KEY_FAIL" ALL NotProcessed Fallback ParkHold "critical: key or tampering"
        "The hash of the request is not the one that Xceed computes.";
        "Compare the secret key (`xceed-gateway sign --explain`), then resume the queue.";
    XmlValidationFail "XML_VALIDATION_FAIL" ALL NotProcessed Fallback Park "error: schemas drifted"
        "Xceed's schema refuses the payload, so it differs from the schema set here.";
        "Install the provisioned schema set, then replay.";
    MissingXmlVersion "MISSING_XML_VERSION" ALL NotProcessed Fallback ParkHold "error: schema set"
        NOT_DOCUMENTED; "Check the version attribute of the schema set, then resume the queue.";
    XsdVersion "XSD_VERSION" ALL ProcessedWithWarning Score Settle "warn: schema set ageing"
        NOT_DOCUMENTED; "Plan the move to the current schema set.";
    UnsupportedXmlVersion "UNSUPPORTED_XML_VERSION" ALL NotProcessed Fallback ParkHold "error: schema set"
        NOT_DOCUMENTED; "Install a schema set that Xceed supports, then resume the queue.";
    Error "ERROR" ALL NotProcessed Fallback Backoff "warn"
        NOT_DOCUMENTED; "None: the event is sent again. If it goes on, ask the vendor's support.";
    RequestError "REQUEST_ERROR" SYNC NotProcessed Fallback Park "error"
        NOT_DOCUMENTED; "Look at the event, then replay or remove it.";
    Timeout "TIMEOUT" SYNC_SCORED ProcessedLater Fallback Settle "warn"
        NOT_DOCUMENTED; "None: Xceed will process the event.";
    InvalidMsg "INVALID_MSG" SYNC_SCORED Skipped Fallback Park "error"
        "The message was not valid and was passed over."; "Look at the event, then replay or remove it.";
    MsgSkipped "MSG_SKIPPED" SYNC_SCORED Skipped Fallback ParkForced "error: support"
        "Xceed passed the message over and says why in the reason.";
        "Report it to the vendor's support; don't send it again.";
    MsgOoo "MSG_OOO" SYNC_SCORED Skipped Fallback ParkForced "error: support"
        "The message came out of order, usually from an earlier day.";
        "Report it to the vendor's support; don't send it again before it is resolved.";
    WrongNumEvents "WRONG_NUM_EVENTS" BATCH ProcessedWithWarning Fallback ParkForced "error"
        "The batch holds another number of events than it says."; "Look which events Xceed has before any replay.";
    Maintenance "MAINTENANCE" SCORED ProcessedLater Maintenance Settle "info"
        "Xceed is in maintenance: the event is queued there, without a score."; "None: Xceed will process the event.";
    DataCollection "DATA_COLLECTION" SCORED Processed DataCollection Settle "info"
        "The deployment still collects data before production, so its score must not be relied on.";
        "None: don't intervene on this score.";
    NoRiskactionConfigured "NO_RISKACTION_CONFIGURED" SCORED Processed Thresholds Settle "warn: policy"
        "The event was scored, but no policy at Xceed names a risk action.";
        "Define a policy with a risk action in the vendor's risk application.";
    InvalidCallback "INVALID_CALLBACK" SCORED Skipped Fallback ParkHold "critical: configuration"
        "The callback id is not registered for the platform or the tenant.";
        "Register the callback URL at Xceed or correct callback_id, then resume the queue.";
    InvalidChannel "INVALID_CHANNEL" ALL Skipped Fallback ParkHold "critical: configuration"
        "The channel is not one that Xceed knows for this tenant; the usual one is Wire.";
        "Correct channel or channels, then resume the queue.";
    AccessTokenExpired "ACCESS_TOKEN_EXPIRED" REST NotProcessed Fallback Refresh ""
        "The access token has expired."; "None: a new token is fetched.";
    TokenSignatureVerificationFail "TOKEN_SIGNATURE_VERIFICATION_FAIL" REST NotProcessed Fallback Refresh "critical"
        "The access token's signature does not verify."; "Check where the token comes from.";
    AudienceVerificationFail "AUDIENCE_VERIFICATION_FAIL" REST NotProcessed Fallback ParkHold
        "critical: configuration"
        "The access token is for another audience."; "Correct the token's audience, then resume the queue.";
    TenantUnavailable "TENANT_UNAVAILABLE" REST NotProcessed Fallback ParkHold "critical: configuration"
        "The access token names no tenant."; "Correct the client's registration, then resume the queue.";
    PublickeysUnavailable "PUBLICKEYS_UNAVAILABLE" REST NotProcessed Fallback Backoff "warn"
        "Xceed could not fetch the keys that verify access tokens."; "None: the event is sent again.";
}

/// A word that is none of the 25.
pub static ANY_OTHER_WORD: Row = Row {
    code: "any other word",
    scope: "",
    disposition: Disposition::Unknown,
    decided_by: DecidedBy::Fallback,
    next: Next::Park,
    alert: "error",
    meaning: "Xceed answered with a word that is not documented.",
    action: "Ask the vendor's support what it means, then replay or remove the event.",
};

/// No Results at all: nobody knows whether Xceed has the event.
pub static TRANSPORT_FAILURE: Row = Row {
    code: "transport failure",
    scope: "",
    disposition: Disposition::Unknown,
    decided_by: DecidedBy::Fallback,
    next: Next::Backoff,
    alert: "warn",
    meaning: "No answer, or one that is no Results: the network, a proxy, a SOAP Fault, a malformed document.",
    action: "None: the event is sent again under the same event id. If it goes on, look at the way to Xceed.",
};

/// The whole table: the 25 codes, then the two rows for what is none of them.
pub fn table() -> impl Iterator<Item = &'static Row> {
    ReturnCode::ALL.into_iter().map(ReturnCode::row).chain([&ANY_OTHER_WORD, &TRANSPORT_FAILURE])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_back_from_its_word() {
        for code in ReturnCode::ALL {
            assert_eq!(ReturnCode::parse(code.row().code), Some(code));
            assert_eq!(Received::parse(code.row().code), Received::Known(code));
        }
        assert_eq!(table().count(), 27);
    }

    #[test]
    fn a_word_that_is_almost_a_code_is_unknown_and_survives() {
        for word in ["success", "SUCCESS ", "", "+0", "BRAND_NEW"] {
            assert_eq!(Received::parse(word), Received::Unknown(word.to_owned()));
            assert_eq!(Received::parse(word).word(), word);
        }
    }

    #[test]
    fn only_what_xceed_keeps_is_settled() {
        use Disposition::{NotProcessed, Skipped, Unknown};
        for row in table().filter(|row| row.next == Next::Settle) {
            assert!(![NotProcessed, Skipped, Unknown].contains(&row.disposition), "{}", row.code);
        }
    }
}
