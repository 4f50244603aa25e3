//! An answer that is the same as long as the process runs, with a tag by which a caller who has it is told so.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};

/// So many bytes of the hash are the tag; enough to tell one version from another.
const TAG_BYTES: usize = 16;

/// An answer that is made once.
pub(super) struct Fixed {
    body: Bytes,
    tag: String,
    headers: Vec<(HeaderName, String)>,
}

impl Fixed {
    pub(super) fn new(body: impl Into<Bytes>, media_type: &str) -> Self {
        let body = body.into();
        let hash = Sha256::digest(&body);
        let tag = format!("\"{}\"", hex::encode(&hash[..TAG_BYTES]));
        let kind = (header::CONTENT_TYPE, media_type.to_owned());
        // Whoever has it asks each time whether it still is so, since the next gateway may say something else.
        let cache = (header::CACHE_CONTROL, "no-cache".to_owned());
        let plain = (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned());
        Self { body, tag, headers: vec![kind, cache, plain] }
    }

    pub(super) fn with_header(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The answer, or that the caller has it.
    pub(super) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let is_there = self.is_with_caller(request);
        let status = if is_there { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        let mut response = HttpResponse::build(status);
        response.insert_header((header::ETAG, self.tag.as_str()));
        if is_there {
            return response.finish();
        }
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.as_str()));
        }
        response.body(self.body.clone())
    }

    fn is_with_caller(&self, request: &HttpRequest) -> bool {
        let values = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
        let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
        tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn whoever_has_it_is_told_so() {
        let fixed = Fixed::new("text", "text/plain");
        let status = |tags: &str| {
            let request = TestRequest::get().insert_header((header::IF_NONE_MATCH, tags)).to_http_request();
            fixed.answer(&request).status().as_u16()
        };
        let tag = fixed.tag.clone();
        for tags in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            assert_eq!(status(&tags), 304, "{tags}");
        }
        for tags in ["", "\"other\"", tag.trim_matches('"')] {
            assert_eq!(status(tags), 200, "{tags}");
        }
    }

    #[test]
    fn another_text_has_another_tag() {
        assert_ne!(Fixed::new("a", "text/plain").tag, Fixed::new("b", "text/plain").tag);
    }
}
