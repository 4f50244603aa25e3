//! How an attempt ended, from what the HTTP client says: what certainly never left is not in doubt.

use crate::domain::delivery::Attempt;

/// The end of an attempt that the client reports as an error.
pub fn classify(error: &reqwest::Error) -> Attempt {
    if error.is_connect() {
        Attempt::NotSent("Xceed could not be reached")
    } else if error.is_builder() {
        Attempt::NotSent("the request could not be made")
    } else if error.is_timeout() {
        Attempt::InDoubt("Xceed did not answer within the attempt timeout")
    } else if error.is_body() || error.is_decode() {
        Attempt::InDoubt("Xceed's answer broke off")
    } else {
        Attempt::InDoubt("the connection to Xceed broke off")
    }
}
