//! Listeners: how many there are, what they hear in silence, and who is let go.

use super::*;
use crate::application::follow_decisions::{Heard, LISTENERS_MAX, Refusal as Refused, follow};

#[test]
fn a_listener_that_takes_nothing_in_is_let_go_and_the_others_hear_on() {
    in_virtual_time(async {
        let world = World::new(FakeStore { decides: true, ..FakeStore::default() }, MS, scored(1));
        let gateway = &world.desk.gateway;
        let mut silent = Vec::new();
        for _ in 1..LISTENERS_MAX {
            silent.push(follow(gateway, &world.tenant.name, None).await.expect("there is room"));
        }
        let mut listener = follow(gateway, &world.tenant.name, None).await.expect("there is room");
        assert!(matches!(follow(gateway, &world.tenant.name, None).await, Err(Refused::TooMany)));
        let begun = Instant::now();
        let mut heard = 0;
        while begun.elapsed() < Duration::from_secs(31) {
            heard += i64::from(
                matches!(listener.recv().await, Some(Heard::Fallen(entries)) if entries.len() == 1),
            );
        }
        assert!(heard > 100, "{heard}");
        let room = follow(gateway, &world.tenant.name, Some(Place(0, 0))).await;
        assert!(room.is_ok(), "the silent ones have left");
        let mut held = Vec::new();
        while let Some(one) = silent[0].recv().await {
            held.push(one);
        }
        assert!(held.len() <= 3, "little is held for whoever does not listen: {held:?}");
    });
}

#[test]
fn in_silence_a_listener_hears_that_somebody_is_there_and_at_the_end_that_nobody_is() {
    in_virtual_time(async {
        let world = World::new(FakeStore::default(), MS, scored(1));
        let gateway = &world.desk.gateway;
        let mut listener =
            follow(gateway, &world.tenant.name, Some(Place(0, 0))).await.expect("there is room");
        assert!(matches!(listener.recv().await, Some(Heard::At(Place(0, 0)))));
        let begun = Instant::now();
        for n in 1..=3 {
            assert!(matches!(listener.recv().await, Some(Heard::Silence(Place(0, 0)))));
            assert_eq!(begun.elapsed().as_secs(), 15 * n);
        }
        gateway.ending.begin();
        assert!(listener.recv().await.is_none());
        let refused = follow(gateway, &world.tenant.name, None).await;
        assert!(matches!(refused, Err(Refused::Unavailable)));
        drop(listener);
        let ahead = World::new(FakeStore::default(), MS, scored(1));
        let refused = follow(&ahead.desk.gateway, &world.tenant.name, Some(Place(0, 1))).await;
        assert!(matches!(refused, Err(Refused::UnknownPlace)));
    });
}
