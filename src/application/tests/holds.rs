//! Held queues: how a hold begins and how it ends.

use super::*;
use crate::application::release;

#[test]
fn three_refusals_that_are_no_events_fault_hold_the_queue() {
    in_virtual_time(async {
        let world = World::new(FakeStore::default(), 20 * MS, refused("HASH_KEY_FAIL"));
        for id in ["e-1", "e-2", "e-3"] {
            assert_eq!(words(world.submit(id, Mode::Sync, None).await), "ALLOW FALLBACK return_code");
        }
        assert_eq!(words(world.submit("e-4", Mode::Sync, None).await), "ALLOW FALLBACK held");
        assert_eq!(words(world.submit("e-5", Mode::Ack, None).await), "- ACKNOWLEDGED acknowledgement");
        assert_eq!(world.xceed.sent.get(), 3, "nothing leaves while the queue is held");
        let written = world.store.written();
        assert_eq!(
            written[4..],
            ["record e-3", "hold all", "settle 2 told", "record e-4 told", "record e-5 told"]
        );
        let held = world.desk.gateway.holds.list(&TenantName::new("bank"));
        assert_eq!(held.len(), 1);
        let ended = release::resume(&world.desk.gateway, &held[0].tenant, &held[0].queue, "ops".into()).await;
        assert!(ended.expect("recorded"));
        assert!(world.desk.gateway.holds.list(&TenantName::new("bank")).is_empty());
    });
}

#[test]
fn a_hold_that_the_disk_ends_too_late_for_the_operator_ends_all_the_same() {
    in_virtual_time(async {
        let store = FakeStore { release: 2 * STORE_PATIENCE, ..FakeStore::default() };
        let world = World::new(store, 20 * MS, refused("HASH_KEY_FAIL"));
        for id in ["e-1", "e-2", "e-3"] {
            world.submit(id, Mode::Sync, None).await.expect("an answer");
        }
        let bank = TenantName::new("bank");
        let held = world.desk.gateway.holds.list(&bank);
        let ended = release::resume(&world.desk.gateway, &bank, &held[0].queue, "ops".into()).await;
        assert!(ended.is_err(), "nothing is promised");
        assert_eq!(world.desk.gateway.holds.list(&bank).len(), 1);
        sleep(2 * STORE_PATIENCE).await;
        assert!(world.desk.gateway.holds.list(&bank).is_empty(), "as the store has it by now");
    });
}
