//! What the simulator is told to do instead of its best, and which of three voices is heard.
//!
//! In this order: the behaviour put at `/_sim/behaviour` (it holds for every request until it is
//! deleted), a trigger in an event's customer id (see `triggers`), the rules of the rule file in
//! their order. None of them is heard about a request that was refused on its own account before.
//! What can be told is `behaviour`; how it is done is not known here.

use super::behaviour::Behaviour;
use super::payload::EventFacts;
use super::triggers;
use serde::Deserialize;

/// The rule file, already parsed (`[[rules]]` in TOML, `{"rules": [...]}` in JSON).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// The first that holds for an event is obeyed.
    pub rules: Vec<Rule>,
}

/// A rule holds for the events that it matches: without `event_type` and `customer`, for all.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The event's type, to the letter.
    pub event_type: Option<String>,
    /// The event's customer id, to the letter.
    pub customer: Option<String>,
    /// So many matching events are let by first.
    #[serde(default)]
    pub after: u64,
    /// Then it holds for so many, and no longer; without it, for ever.
    pub times: Option<u64>,
    /// What is done with an event that it holds for.
    pub behaviour: Behaviour,
}

/// What was decided about one request.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Direction {
    pub(super) behaviour: Behaviour,
    /// Whom it concerns, by position in the payload; empty if it is told of all requests.
    pub(super) events: Vec<usize>,
}

/// The three voices at run time.
#[derive(Default)]
pub(super) struct Director {
    told: Option<Behaviour>,
    rules: Vec<(Rule, u64)>,
}

impl Director {
    pub(super) fn new(scenario: Scenario) -> Self {
        Self { told: None, rules: scenario.rules.into_iter().map(|rule| (rule, 0)).collect() }
    }

    pub(super) fn told(&self) -> Option<&Behaviour> {
        self.told.as_ref()
    }

    pub(super) fn tell(&mut self, behaviour: Behaviour) {
        self.told = Some(behaviour);
    }

    /// As at the start: nothing told, and every rule counts from zero.
    pub(super) fn reset(&mut self) {
        self.told = None;
        for (_, seen) in &mut self.rules {
            *seen = 0;
        }
    }

    pub(super) fn direct(&mut self, events: &[EventFacts]) -> Direction {
        if let Some(behaviour) = self.told.clone() {
            return Direction { behaviour, events: Vec::new() };
        }
        triggered(events).or_else(|| self.ruled(events)).unwrap_or_default()
    }

    fn ruled(&mut self, events: &[EventFacts]) -> Option<Direction> {
        let mut found = None;
        for (index, event) in events.iter().enumerate() {
            for (rule, seen) in self.rules.iter_mut().filter(|(rule, _)| rule.matches(event)) {
                *seen += 1;
                if found.is_none() && rule.holds_for(*seen) {
                    let behaviour = rule.behaviour.clone();
                    found = Some(Direction { behaviour, events: vec![index] });
                }
            }
        }
        found
    }
}

/// The first trigger decides; of the others those that ask for the same code are named with it.
fn triggered(events: &[EventFacts]) -> Option<Direction> {
    let mut found: Option<Direction> = None;
    for (index, event) in events.iter().enumerate() {
        let Some(behaviour) = triggers::behaviour(&event.customer) else {
            continue;
        };
        match &mut found {
            None => {
                let events = vec![index];
                found = Some(Direction { behaviour, events });
            }
            Some(first) if first.behaviour.code == behaviour.code => first.events.push(index),
            Some(_) => {}
        }
    }
    found
}

impl Rule {
    fn matches(&self, event: &EventFacts) -> bool {
        self.event_type.as_ref().is_none_or(|wanted| *wanted == event.event_type)
            && self.customer.as_ref().is_none_or(|wanted| *wanted == event.customer)
    }

    /// `seen` counts the matching events, this one included.
    fn holds_for(&self, seen: u64) -> bool {
        seen > self.after && self.times.is_none_or(|times| seen - self.after <= times)
    }
}

#[cfg(test)]
mod tests {
    use super::{Director, Scenario};
    use crate::simulator::behaviour::{Behaviour, Fault};
    use crate::simulator::payload::EventFacts;

    fn event(event_type: &str, customer: &str) -> EventFacts {
        EventFacts {
            event_type: event_type.to_owned(),
            customer: customer.to_owned(),
            ..EventFacts::default()
        }
    }

    fn code(director: &mut Director, events: &[EventFacts]) -> Option<String> {
        director.direct(events).behaviour.code
    }

    fn director(rules: &str) -> Director {
        Director::new(toml::from_str::<Scenario>(rules).unwrap())
    }

    #[test]
    fn a_rule_skips_the_first_and_holds_for_so_many() {
        let mut director = director(
            "[[rules]]\nevent_type = \"Login\"\nafter = 1\ntimes = 2\nbehaviour = { code = \"ERROR\" }",
        );
        let told: Vec<_> = (0..5).map(|_| code(&mut director, &[event("Login", "c")])).collect();
        let error = Some("ERROR".to_owned());
        assert_eq!(told, [None, error.clone(), error, None, None]);
        assert_eq!(code(&mut director, &[event("Logout", "c")]), None);
        director.reset();
        assert_eq!(code(&mut director, &[event("Login", "c")]), None);
        assert_eq!(code(&mut director, &[event("Login", "c")]), Some("ERROR".to_owned()));
    }

    #[test]
    fn what_is_told_goes_before_triggers_and_triggers_before_rules() {
        let mut director = director("[[rules]]\nbehaviour = { code = \"ERROR\" }");
        let events = [event("Login", "c"), event("Login", "SIM-TIMEOUT")];
        let direction = director.direct(&events);
        assert_eq!(direction.behaviour.code.as_deref(), Some("TIMEOUT"));
        assert_eq!(direction.events, [1]);
        assert_eq!(code(&mut director, &events[..1]).as_deref(), Some("ERROR"));
        director.tell(Behaviour { fault: Fault::Reset, ..Behaviour::default() });
        assert_eq!(director.direct(&events).behaviour.fault, Fault::Reset);
        director.reset();
        assert_eq!(code(&mut director, &events).as_deref(), Some("TIMEOUT"));
    }

    #[test]
    fn events_of_a_batch_with_the_same_trigger_are_named_together() {
        let events = [
            event("Login", "c"),
            event("Login", "SIM-XML_VALIDATION_FAIL"),
            event("Login", "SIM-ERROR"),
            event("Login", "SIM-XML_VALIDATION_FAIL~2"),
        ];
        assert_eq!(Director::default().direct(&events).events, [1, 3]);
    }
}
