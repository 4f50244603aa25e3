//! The platforms over a real socket: tokens, what is brought, and how it is made to go wrong.

use super::{settings, simulator};
use crate::simulator::{Running, Settings, start};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// Somebody with a token.
struct Visitor {
    client: Client,
    base: String,
    token: String,
}

impl Visitor {
    async fn of(simulator: &Running) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().unwrap();
        let mut visitor =
            Self { client, base: format!("http://{}", simulator.address()), token: String::new() };
        visitor.renew().await;
        visitor
    }

    async fn renew(&mut self) {
        let given = self.form("/oauth/token", "grant_type=client_credentials").send().await.unwrap();
        self.token = json_of(given).await["access_token"].as_str().unwrap().to_owned();
    }

    fn form(&self, path: &str, form: &str) -> RequestBuilder {
        let call = self.client.post(format!("{}{path}", self.base)).basic_auth("me", Some("a secret"));
        call.header("Content-Type", "application/x-www-form-urlencoded").body(form.to_owned())
    }

    async fn bring(&self, method: Method, path: &str, body: &str) -> (u16, Option<String>) {
        let call = self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        let answer = call.body(body.to_owned()).send().await.unwrap();
        let wait = answer.headers().get("Retry-After").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), wait)
    }

    async fn tell(&self, told: &Value) {
        let call = self.client.put(format!("{}/_sim/platform", self.base)).body(told.to_string());
        assert_eq!(call.send().await.unwrap().status(), StatusCode::OK);
    }

    async fn see(&self, path: &str) -> Value {
        json_of(self.client.get(format!("{}{path}", self.base)).send().await.unwrap()).await
    }
}

async fn json_of(answer: reqwest::Response) -> Value {
    serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default()
}

#[tokio::test]
async fn each_grant_has_its_form_and_is_counted() {
    let simulator = simulator().await;
    let visitor = Visitor::of(&simulator).await;
    for (path, form, status) in [
        ("/api/v2/oauth/token", "grant_type=client_credentials&scope=a%20b", 200),
        ("/auth/token", "grant_type=password&username=k&password=s", 200),
        ("/auth/token", "grant_type=password&username=k", 400),
        ("/auth/token", "grant_type=other", 400),
    ] {
        assert_eq!(visitor.form(path, form).send().await.unwrap().status(), status, "{form}");
    }
    let unnamed = visitor.client.post(format!("{}/oauth/token", visitor.base));
    let unnamed = unnamed.header("Content-Type", "application/x-www-form-urlencoded");
    let unnamed = unnamed.body("grant_type=client_credentials").send().await.unwrap();
    assert_eq!(unnamed.status(), 400, "without the client's authentication");
    for (body, status) in
        [(r#"{"accessKeyId":"k","accessKeySecret":"s"}"#, 200), (r#"{"accessKeyId":"k"}"#, 400)]
    {
        let path = "/authentication/v1/token/access-key";
        assert_eq!(visitor.bring(Method::POST, path, body).await.0, status);
    }
    let asked = visitor.see("/_sim/platform").await["tokens"].clone();
    assert_eq!((&asked["requests"], &asked["given"]), (&json!(8), &json!(4)));
    assert_eq!((&asked["now"], &asked["concurrentMax"]), (&json!(0), &json!(1)));
    assert_eq!((&asked["lastGrant"], &asked["lastClient"]), (&json!("access_key"), &json!("k")));
    simulator.stop().await;
}

#[tokio::test]
async fn what_is_brought_stands_in_the_interaction_and_in_the_list() {
    let simulator = simulator().await;
    let visitor = Visitor::of(&simulator).await;
    let one = r#"{"attributes":{"score":73.0,"flag":"HIGH"}}"#;
    let two = r#"{"attributes":{"flag":"LOW"}}"#;
    for body in [one, two] {
        let brought = visitor.bring(Method::PATCH, "/api/v2/interactions/i%2F1", body).await;
        assert_eq!(brought.0, 200);
    }
    let signal = "/inContactAPI/services/v30.0/interactions/i%2F1/signal";
    assert_eq!(visitor.bring(Method::POST, &format!("{signal}?p1=ALLOW&p2=7.0"), "").await.0, 202);
    assert_eq!(visitor.bring(Method::POST, &format!("{signal}?p10=x"), "").await.0, 400);
    let attributes = "/api/v2/conversations/c-1/participants/c-1-customer/attributes";
    let text = r#"{"attributes":{"score":"73.0"}}"#;
    assert_eq!(visitor.bring(Method::PATCH, attributes, text).await.0, 200);
    assert_eq!(visitor.bring(Method::PATCH, attributes, one).await.0, 400, "all of it is text there");
    let interaction = visitor.see("/_sim/interactions/i%2F1").await;
    assert_eq!(
        interaction,
        json!({ "attributes": { "score": 73.0, "flag": "LOW" }, "participants": {},
            "signals": [{ "p1": "ALLOW", "p2": "7.0" }] })
    );
    let shown = visitor.see("/_sim/interactions/c-1").await;
    assert_eq!(shown["participants"], json!({ "c-1-customer": { "score": "73.0" } }));
    let landed = visitor.see("/_sim/platform?after=1").await["landed"].clone();
    let kinds: Vec<_> = landed.as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    let wanted = ["cxone-patch", "cxone-signal", "cxone-signal", "genesys-attributes", "genesys-attributes"];
    assert_eq!(kinds, wanted);
    assert_eq!((&landed[0]["body"], &landed[0]["status"]), (&json!(two), &json!(200)));
    simulator.stop().await;
}

#[tokio::test]
async fn it_does_as_it_is_told_and_then_as_usual_again() {
    let simulator = simulator().await;
    let mut visitor = Visitor::of(&simulator).await;
    let place = "/api/v2/interactions/i-1";
    let body = r#"{"attributes":{}}"#;
    visitor.tell(&json!({ "api": { "statuses": [429, 200, 404], "retry_after": "2" } })).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(visitor.bring(Method::PATCH, place, body).await);
    }
    let wait = Some("2".to_owned());
    assert_eq!(seen, [(429, wait.clone()), (200, None), (404, wait), (200, None)]);
    assert_eq!(visitor.bring(Method::PATCH, "/api/v2/interactions/SIM-503~9", body).await.0, 503);
    visitor.tell(&json!({ "token": { "revoke": true } })).await;
    assert_eq!(visitor.bring(Method::PATCH, place, body).await.0, 401);
    visitor.renew().await;
    assert_eq!(visitor.bring(Method::PATCH, place, body).await.0, 200);
    visitor.tell(&json!({ "token": { "html": true } })).await;
    let page = visitor.form("/oauth/token", "grant_type=client_credentials").send().await.unwrap();
    assert!(page.text().await.unwrap().contains("<html>"));
    visitor.tell(&json!({ "token": { "expires_in": 0 } })).await;
    visitor.renew().await;
    assert_eq!(visitor.bring(Method::PATCH, place, body).await.0, 401, "it is good no more");
    let bad = visitor.client.put(format!("{}/_sim/platform", visitor.base)).body(r#"{"apis":{}}"#);
    assert_eq!(bad.send().await.unwrap().status(), 400);
    simulator.stop().await;
}

#[tokio::test]
async fn a_webhook_is_taken_where_its_signature_is_genuine() {
    let webhooks = vec![("crm".to_owned(), vec!["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()])];
    let simulator = start(Settings { webhooks, ..settings() }).await.unwrap();
    let visitor = Visitor::of(&simulator).await;
    assert_eq!(visitor.bring(Method::POST, "/webhook/crm", "{}").await.0, 401, "it is not signed");
    assert_eq!(visitor.bring(Method::POST, "/webhook/other", "{}").await.0, 204, "nobody can verify it");
    let landed = visitor.see("/_sim/platform").await["landed"].clone();
    assert_eq!((&landed[0]["verified"], &landed[1]["verified"]), (&json!(false), &json!(null)));
    simulator.stop().await;
}
