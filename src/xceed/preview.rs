//! A request as it would leave now, to be looked at: nothing is sent, and the secret key is not in it.

use super::link::Link;
use crate::application::ports::Message;

/// A request that is not sent.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The `SOAPAction` header, in quotes as it is sent.
    pub soap_action: String,
    /// The hash in the envelope.
    pub hash: String,
    /// The whole body.
    pub envelope: String,
}

/// The request that an attempt would make, signed with the tenant's key.
pub fn preview(link: &Link, message: &Message) -> Preview {
    let operation = &link.api.add_event;
    let values = link.values(&message.channel, &message.payload, message.response_required, link.key());
    Preview {
        soap_action: operation.soap_action.clone(),
        hash: operation.hash(&values),
        envelope: operation.request(&values).into_text(),
    }
}
