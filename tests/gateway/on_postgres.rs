//! What holds of a gateway with a file of its own holds with PostgreSQL as well: the very same tests, once more.

use crate::harness::run_again_on_postgres;

#[test]
fn what_was_answered_is_never_lost_on_postgres_either() {
    run_again_on_postgres(&["durability", "idempotency", "deferred"]);
}

#[test]
fn callbacks_are_the_same_on_postgres() {
    run_again_on_postgres(&["async_mode"]);
}

#[test]
fn order_and_holds_are_the_same_on_postgres() {
    run_again_on_postgres(&["order", "holds", "parked", "breaker"]);
}

#[test]
fn answers_are_the_same_on_postgres() {
    run_again_on_postgres(&[
        "deadline",
        "return_codes",
        "rotation",
        "contract_fixtures",
        "privacy",
        "panics",
    ]);
}

#[test]
fn batches_are_the_same_on_postgres() {
    run_again_on_postgres(&["batches"]);
}

#[test]
fn the_platforms_doors_are_the_same_on_postgres() {
    run_again_on_postgres(&["doors", "sources"]);
}

#[test]
fn decisions_go_back_on_postgres_as_well() {
    run_again_on_postgres(&["going_back", "going_back_faults"]);
}

#[test]
fn listeners_and_limits_are_the_same_on_postgres() {
    run_again_on_postgres(&["stream", "limits", "metrics", "console"]);
}
