//! Errors as RFC 9457 problem documents. They name the field and the cure, never a value.

use crate::domain::event::FieldFault;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A problem, ready to be answered.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    name: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<FieldFault>,
    /// Further members of the document, where there are any.
    members: Option<Box<Members>>,
    headers: Vec<(HeaderName, Cow<'static, str>)>,
    closes: bool,
}

#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
struct Members(BTreeMap<&'static str, Value>);

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Error<'a>>,
    #[serde(flatten)]
    members: Option<&'a Members>,
}

#[derive(Serialize)]
struct Error<'a> {
    field: &'a str,
    element: Option<&'a str>,
    rule: &'a str,
    message: &'a str,
}

impl Problem {
    pub(super) fn new(
        status: StatusCode,
        name: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            name,
            title,
            detail: detail.into(),
            errors: Vec::new(),
            members: None,
            headers: Vec::new(),
            closes: false,
        }
    }

    pub(super) fn with_errors(mut self, errors: Vec<FieldFault>) -> Self {
        self.errors = errors;
        self
    }

    /// One more member of the document.
    pub(super) fn with_member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.get_or_insert_default().0.insert(name, value.into());
        self
    }

    /// Says more.
    pub(super) fn adding(mut self, detail: &str) -> Self {
        self.detail.push_str(detail);
        self
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// After this the rest of the request is not read, so the connection can't be used again.
    pub(super) fn closing(self) -> Self {
        Self { closes: true, ..self }
    }
}

impl From<Problem> for HttpResponse {
    fn from(problem: Problem) -> Self {
        let errors = problem.errors.iter().map(|fault| Error {
            field: &fault.field,
            element: fault.element.as_deref(),
            rule: fault.rule,
            message: &fault.message,
        });
        let document = Document {
            r#type: format!("urn:xceed-gateway:problem:{}", problem.name),
            title: problem.title,
            status: problem.status.as_u16(),
            detail: &problem.detail,
            errors: errors.collect(),
            members: problem.members.as_deref(),
        };
        let mut response = Self::build(problem.status);
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        if problem.closes {
            // The server writes this header itself, and no other.
            response.force_close();
        }
        for (name, value) in problem.headers {
            response.insert_header((name, value.as_ref()));
        }
        response.body(serde_json::to_vec(&document).unwrap_or_default())
    }
}

pub(super) async fn not_found() -> HttpResponse {
    let detail = "there is no such call; GET /docs describes those that there are";
    Problem::new(StatusCode::NOT_FOUND, "not_found", "No such call", detail).into()
}

pub(super) async fn method_not_allowed(allowed: &'static str) -> HttpResponse {
    let detail = format!("this address is called with {allowed}");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Another method", detail)
        .with_header(header::ALLOW, allowed)
        .into()
}
