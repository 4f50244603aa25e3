//! What a token endpoint's answers come to.

use super::*;

fn answered(status: u16, is_html: bool, body: &str) -> Answer {
    Answer { status, is_html, retry_after: None, body: body.as_bytes().to_vec() }
}

fn why(status: u16, is_html: bool, body: &str) -> &'static str {
    read(&answered(status, is_html, body)).err().expect("no token")
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_two_minutes_before_it_expires_and_a_short_one_at_half_its_life() {
    let lives = |expires_in: &str| {
        let body = format!(r#"{{"access_token":"abc","expires_in":{expires_in}}}"#);
        let good = read(&answered(200, false, &body)).expect("a token");
        let now = Instant::now();
        ((good.renew_at - now).as_secs(), (good.until - now).as_secs())
    };
    assert_eq!(lives("3600"), (3480, 3600));
    assert_eq!(lives("\"3600\""), (3480, 3600));
    assert_eq!(lives("100"), (50, 100));
    assert_eq!(lives("0"), (0, 0));
    assert_eq!(lives("null"), (480, 600));
    assert_eq!(lives("99999999999"), (LIFE_MAX - 120, LIFE_MAX));
}

#[test]
fn what_is_no_token_says_what_to_check_and_not_what_was_answered() {
    let page = "<html>canary</html>";
    assert!(why(200, true, page).contains("a page instead of a token; check token_url"));
    assert!(why(200, false, page).contains("no access_token"));
    for body in ["{}", r#"{"access_token":7}"#, r#"{"access_token":""}"#, r#"{"access_token":"a\nb"}"#, ""] {
        assert!(why(200, false, body).contains("access_token"), "{body}");
    }
    for (status, words) in [(401, "refuses the client"), (302, "leads elsewhere"), (404, "no token endpoint")]
    {
        assert!(why(status, false, page).contains(words), "{status}");
    }
    assert!(why(503, true, page).contains("an error"));
}

#[test]
fn a_client_is_named_as_rfc_6749_has_it() {
    let secret = Secret::new("s e:c/ü".to_owned());
    let encoded = basic("me@x", &secret);
    let text = STANDARD.decode(encoded.strip_prefix("Basic ").expect("Basic")).expect("base64");
    assert_eq!(String::from_utf8(text).expect("UTF-8"), "me%40x:s%20e%3Ac%2F%C3%BC");
}
