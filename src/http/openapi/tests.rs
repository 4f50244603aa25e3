//! The document against the calls that are served, the words that the gateway says, and the problems that the doors know.
//! What it says of bodies is held against the fixtures and a running gateway elsewhere (`tests/described/`).

use super::TEXT;
use crate::domain::event::{Members, Shape};
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

type Words = BTreeSet<String>;

fn document() -> Value {
    serde_json::from_str(TEXT).expect("JSON")
}

fn words<'a>(list: impl IntoIterator<Item = &'a str>) -> Words {
    list.into_iter().map(str::to_owned).collect()
}

fn enumerated(schema: &Value) -> Words {
    let list = schema["enum"].as_array().expect("an enum");
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The sources of the doors, without these tests.
fn sources() -> Vec<String> {
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http"))];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("openapi/tests.rs") {
                let text = std::fs::read_to_string(&path).expect("text");
                texts.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned());
            }
        }
    }
    texts
}

/// Method and path of each call, as the doors' sources have them.
fn served() -> Words {
    let short = Regex::new(r#"\b(get|post|put|delete)\(\s*"(/[^"]*)""#).expect("a sound pattern");
    let long = Regex::new(r#"\bresource\(\s*"(/[^"]*)",\s*"([A-Z, ]+)""#).expect("a sound pattern");
    let form = Regex::new(r"\{(\w+):[^}]*\}").expect("a sound pattern");
    let mut calls = Words::new();
    for text in sources() {
        for call in short.captures_iter(&text) {
            calls.insert(format!("{} {}", call[1].to_uppercase(), form.replace(&call[2], "{$1}")));
        }
        for call in long.captures_iter(&text) {
            let methods = call[2].split(", ");
            calls.extend(methods.map(|method| format!("{method} {}", form.replace(&call[1], "{$1}"))));
        }
    }
    // What the console's own pages call is theirs, and changes with them.
    calls.retain(|call| !call.contains(" /console/"));
    calls
}

#[test]
fn each_call_that_is_served_is_described_and_no_other() {
    let mut described = Words::new();
    for (path, item) in document()["paths"].as_object().expect("paths") {
        let methods = item.as_object().expect("operations").keys();
        described.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    let served = served();
    assert!(served.len() > 20, "{served:?}");
    let hint = "describe it in src/http/openapi/openapi.json";
    assert_eq!(
        served.difference(&described).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "served alone: {hint}"
    );
    assert_eq!(described.difference(&served).collect::<Vec<_>>(), Vec::<&String>::new(), "described alone");
}

/// The words of an enumeration of the domain, as its `name` has them.
fn named(source: &str, of: &str) -> Words {
    let (_, rest) = source.split_once(&format!("impl {of} {{")).expect("an impl");
    let (_, rest) = rest.split_once("fn name(").expect("names");
    let (body, _) = rest.split_once("\n    }").expect("an end");
    let word = Regex::new(r#"=> "([A-Za-z_]+)""#).expect("a sound pattern");
    let found: Words = word.captures_iter(body).map(|word| word[1].to_owned()).collect();
    assert!(!found.is_empty(), "{of}");
    found
}

#[test]
fn each_enumeration_has_the_words_that_the_gateway_says() {
    let schemas = &document()["components"]["schemas"];
    let decision = include_str!("../../domain/decision.rs");
    let policy = include_str!("../../domain/policy.rs");
    let codes = include_str!("../../domain/return_code.rs");
    for (schema, source, of) in [
        ("Verdict", policy, "Verdict"),
        ("Outcome", decision, "Outcome"),
        ("Basis", decision, "Basis"),
        ("Disposition", codes, "Disposition"),
        ("Category", policy, "Category"),
    ] {
        assert_eq!(enumerated(&schemas[schema]), named(source, of), "{schema}");
    }
    let mut states = named(include_str!("../../domain/delivery.rs"), "State");
    states.extend(words(["SENDING", "HELD", "DISCARDED"]));
    assert_eq!(enumerated(&schemas["State"]), states);
    let mut kinds = named(include_str!("../../domain/going_back.rs"), "Kind");
    kinds.insert("event".to_owned());
    assert_eq!(enumerated(&schemas["Parked"]["properties"]["what"]), kinds);
    let breaker = named(include_str!("../../domain/breaker.rs"), "State");
    assert_eq!(enumerated(&schemas["Breaker"]["properties"]["state"]), breaker);
}

#[test]
fn each_problem_that_the_doors_know_is_described_and_can_come_from_some_call() {
    let known = Regex::new(r#"(?:Problem::new\([^"]*?|\bbad\(|Malformed[^=]*=> \(|=> \()"([a-z_]+)""#);
    let (known, named) = (known.expect("a sound pattern"), Regex::new(r#"Self::\w+[^=]*=> "([a-z_]+)""#));
    let named = named.expect("a sound pattern");
    let mut problems = Words::new();
    for text in sources() {
        problems.extend(known.captures_iter(&text).map(|problem| problem[1].to_owned()));
        if text.contains("enum Unreadable") {
            problems.extend(named.captures_iter(&text).map(|problem| problem[1].to_owned()));
        }
    }
    let problems: Words =
        problems.into_iter().map(|name| format!("urn:xceed-gateway:problem:{name}")).collect();
    let document = document();
    assert_eq!(enumerated(&document["components"]["schemas"]["ProblemType"]), problems);
    let mut told = words(["urn:xceed-gateway:problem:method_not_allowed"]);
    for (_, response) in document["components"]["responses"].as_object().expect("responses") {
        let schema = &response["content"]["application/problem+json"]["schema"]["allOf"][1];
        told.extend(enumerated(&schema["properties"]["type"]));
    }
    assert_eq!(told, problems);
}

#[test]
fn an_event_has_the_members_that_are_read_of_it() {
    let document = document();
    let mut described = Words::new();
    collect(&document["components"]["schemas"]["Event"], "", &mut described);
    assert!(described.remove("transaction.recurring"), "what schema set 1.1 reads beside them");
    let members = Members::default();
    for path in &described {
        assert!(members.shape(path).is_some_and(|shape| shape != Shape::Group), "{path} is not read");
    }
    let read = members.paths().filter(|path| members.shape(path) != Some(Shape::Group));
    assert_eq!(described, words(read));
}

fn collect(schema: &Value, above: &str, into: &mut Words) {
    for (name, member) in schema["properties"].as_object().expect("members") {
        let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        let group = member["anyOf"]
            .as_array()
            .and_then(|parts| parts.iter().find(|part| part["properties"].is_object()));
        match group {
            Some(group) => collect(group, &path, into),
            None => {
                into.insert(path);
            }
        }
    }
}

#[test]
fn the_event_types_that_are_named_are_those_of_the_schema_set() {
    let types = include_str!("../../../xsd/1.0/types.xsd");
    let (_, rest) = types.split_once("<xs:simpleType name=\"EventType\">").expect("the type");
    let (body, _) = rest.split_once("</xs:simpleType>").expect("its end");
    let word = Regex::new("enumeration value=\"([^\"]+)\"").expect("a sound pattern");
    let there: Words = word.captures_iter(body).map(|word| word[1].to_owned()).collect();
    let document = document();
    let examples =
        document["components"]["schemas"]["Event"]["properties"]["eventType"]["examples"].as_array();
    let told: Words =
        examples.expect("examples").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    assert_eq!(told, there);
}

#[test]
fn an_example_that_is_named_like_a_fixture_is_that_fixture() {
    let document = document();
    let submit = &document["paths"]["/v1/events"]["post"];
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/contract");
    let read = |path: PathBuf| -> Value {
        serde_json::from_str(&std::fs::read_to_string(path).expect("a fixture")).expect("JSON")
    };
    let mut count = 0;
    let events =
        submit["requestBody"]["content"]["application/json"]["examples"].as_object().expect("examples");
    for (name, example) in events {
        assert_eq!(example["value"], read(contract.join(name).join("1-event.json")), "{name}");
        count += 1;
    }
    let told =
        submit["responses"]["200"]["content"]["application/json"]["examples"].as_object().expect("examples");
    for (name, example) in told.iter().filter(|(name, _)| contract.join(name).is_dir()) {
        let mut fixture = read(contract.join(name).join("5-decision.json"));
        for volatile in ["decidedAt", "latencyMs"] {
            fixture[volatile] = example["value"][volatile].clone();
        }
        assert_eq!(example["value"], fixture, "{name}");
        count += 1;
    }
    assert_eq!(count, 4);
}

#[test]
fn the_document_is_of_this_version_and_its_calls_have_names_of_their_own() {
    let document = document();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let mut names = Words::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (_, operation) in item.as_object().expect("operations") {
            let name = operation["operationId"].as_str().expect("a name");
            assert!(names.insert(name.to_owned()), "{path}: {name} twice");
            assert!(operation["security"].is_array(), "{path}: who may call");
        }
    }
}
