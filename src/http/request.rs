//! What every call brings: a key, and perhaps parameters.

use super::auth::{Key, Role, authorize};
use super::problem::Problem;
use crate::application::gateway::Desk;
use crate::application::tenants::Tenant;
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
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

/// A parameter of the query, as it was sent.
pub(super) fn query<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    let pairs = request.query_string().split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// A parameter that can't be taken.
pub(super) fn bad_query(detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_query", "A wrong query parameter", detail)
}
