//! What every call brings: a key, and perhaps parameters.

use super::auth::{Key, Role, authorize};
use super::form;
use super::problem::Problem;
use crate::application::gateway::Desk;
use crate::application::tenants::Tenant;
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use std::borrow::Cow;
use std::sync::Arc;

/// The worker's desk and the caller's tenant.
pub(super) fn place<'r>(
    request: &'r HttpRequest,
    roles: &[Role],
) -> Result<(&'r Desk, Arc<Tenant>), Problem> {
    let (desk, tenant, _) = place_of_key(request, roles)?;
    Ok((desk, tenant))
}

/// The same, and the key.
pub(super) fn place_of_key<'r>(
    request: &'r HttpRequest,
    roles: &[Role],
) -> Result<(&'r Desk, Arc<Tenant>, Arc<Key>), Problem> {
    let key = authorize(request, roles)?;
    let desk = request.app_data::<Desk>();
    let tenant = desk.and_then(|desk| desk.gateway.tenants.get(&key.tenant));
    desk.zip(tenant).map(|(desk, tenant)| (desk, tenant, key)).ok_or_else(|| {
        let detail = "the key's tenant is not served here";
        Problem::new(StatusCode::FORBIDDEN, "forbidden", "No such tenant", detail)
    })
}

/// The same for an operator, and the name of the key, by which what is done is known later.
pub(super) fn operator(request: &HttpRequest) -> Result<(&Desk, Arc<Tenant>, String), Problem> {
    let (desk, tenant, key) = place_of_key(request, &[Role::Operator])?;
    Ok((desk, tenant, key.name.clone()))
}

/// A parameter of the query. Who builds a query by a library may find anything in it escaped.
pub(super) fn query<'r>(request: &'r HttpRequest, name: &str) -> Option<Cow<'r, str>> {
    let mut pairs = request.query_string().split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| plain(key) == name).map(|(_, value)| plain(value))
}

/// Without escapes; what is no text then stays as it was sent, and nobody knows it.
fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    form::unescaped(text.as_bytes()).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// A parameter that can't be taken.
pub(super) fn bad_query(detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_query", "A wrong query parameter", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_parameter_is_read_without_its_escapes() {
        for (sent, found) in [
            ("wait=4.5", Some("4.5")),
            ("mode=ack&wait=4%2E5", Some("4.5")),
            ("w%61it=1e%2B1", Some("1e+1")),
            ("wait=a+b", Some("a b")),
            ("wait=%FF", Some("%FF")),
            ("wait=", Some("")),
            ("wait=1&wait=2", Some("1")),
            ("wait", None),
            ("waits=1", None),
            ("", None),
        ] {
            let request = TestRequest::with_uri(&format!("/?{sent}")).to_http_request();
            assert_eq!(query(&request, "wait").as_deref(), found, "{sent}");
        }
    }
}
