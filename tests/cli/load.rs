//! `load`, as far as it goes without a gateway: what is wrong is told before anything is sent.

use super::folder::{Folder, has};

fn folder() -> Folder {
    let mut folder = Folder::new();
    folder.set("XCEED_GATEWAY_KEY", "a-key");
    folder
}

/// Nobody listens there: whoever got so far would wait.
const NOBODY: [&str; 2] = ["--url", "http://127.0.0.1:9"];

#[test]
fn a_wrong_header_names_the_column_and_the_nearest_member() {
    let folder = folder();
    folder.write("a.csv", "eventId,eventType,custmer.id,transaction.amout,customer,Note\ne-1,Login,C,1,,\n");
    let told = folder.run(&[&["load", "a.csv"], &NOBODY[..]].concat()).failed();
    has(
        &told,
        &[
            "column \"custmer.id\"",
            "customer.id",
            "column \"transaction.amout\"",
            "transaction.amount",
            "customer is a group",
            "column \"Note\"",
        ],
    );
    folder.write("b.csv", "id,eventType\ne-1,Login\n");
    has(
        &folder.run(&[&["load", "b.csv"], &NOBODY[..]].concat()).failed(),
        &["no column is eventId", "column \"id\""],
    );
    folder.write("map.toml", "identity = \"eventId\"\n");
    let told = folder.run(&[&["load", "b.csv", "--map", "map.toml"], &NOBODY[..]].concat()).failed();
    has(&told, &["the map names the column \"identity\""]);
    folder.write("map.toml", "id = 7\n");
    has(
        &folder.run(&[&["load", "b.csv", "--map", "map.toml"], &NOBODY[..]].concat()).failed(),
        &["map.toml"],
    );
}

#[test]
fn a_file_or_a_key_that_is_not_there_is_told() {
    has(&folder().run(&["load", "no-such.ndjson"]).failed(), &["no-such.ndjson"]);
    let folder = Folder::new();
    folder.write("a.ndjson", "{}\n");
    has(&folder.run(&["load", "a.ndjson", "--key-env", "NO_SUCH_KEY"]).failed(), &["NO_SUCH_KEY is not set"]);
    has(&folder.run(&["load", "a.ndjson", "--batch", "0"]).misused(), &["--batch"]);
}
