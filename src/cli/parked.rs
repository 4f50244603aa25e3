//! `xceed-gateway parked`: deliveries that are kept for a person, at a gateway that runs.

use super::remote::{Gateway, Remote};
use super::shell::{Failed, Output, say};
use clap::{Args, Subcommand};
use serde_json::Value;

/// Looks after deliveries that are kept for a person, and after held queues, at a gateway that runs.
///
/// Example:  xceed-gateway parked --key-env OPERATOR_KEY list
#[derive(Debug, Args)]
pub(super) struct Parked {
    #[command(subcommand)]
    act: Act,
    #[command(flatten)]
    remote: Remote,
    /// How to print the result.
    #[arg(long, value_enum, default_value = "text", global = true)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// All parked deliveries, the newest first.
    ///
    /// Example:  xceed-gateway parked list --key-env OPERATOR_KEY
    List,
    /// One delivery, and what became of its event.
    ///
    /// Example:  xceed-gateway parked show d-7 --key-env OPERATOR_KEY
    Show {
        /// Its id, as `list` tells it.
        delivery: String,
    },
    /// Sends a delivery again.
    ///
    /// Example:  xceed-gateway parked replay p-7 --key-env OPERATOR_KEY
    Replay {
        /// Its id, as `list` tells it.
        delivery: String,
        /// Also where Xceed said not to send it again, or its customer has sent a later one since.
        #[arg(long)]
        force: bool,
    },
    /// Gives a delivery up.
    ///
    /// Example:  xceed-gateway parked discard d-7 --key-env OPERATOR_KEY
    Discard {
        /// Its id, as `list` tells it.
        delivery: String,
    },
    /// Queues that are held, because their cause is not one event's.
    ///
    /// Example:  xceed-gateway parked held --key-env OPERATOR_KEY
    Held,
    /// Ends a hold: what waited in the queue leaves in order.
    ///
    /// Example:  xceed-gateway parked resume all --key-env OPERATOR_KEY
    Resume {
        /// all, async or channel:<word>, as `held` lists it.
        queue: String,
    },
}

impl Parked {
    pub(super) fn run(self) -> Result<(), Failed> {
        let gateway = self.remote.gateway()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(Failed::because)?.block_on(self.act(&gateway))
    }

    async fn act(&self, gateway: &Gateway) -> Result<(), Failed> {
        match &self.act {
            Act::List => self.list(gateway).await,
            Act::Show { delivery } => {
                let row = find(gateway, delivery).await?;
                let id = row["eventId"].as_str().unwrap_or_default();
                let event = gateway.call("GET", &format!("/v1/events/{id}")).await?;
                match self.output {
                    Output::Json => say(serde_json::json!({ "delivery": row, "event": event })),
                    Output::Text => {
                        say(format!("{row:#}"))?;
                        say(format!("{event:#}"))
                    }
                }
            }
            Act::Replay { delivery, force } => {
                let query = if *force { "?force=true" } else { "" };
                let done = gateway.call("POST", &format!("/v1/parked/{delivery}/replay{query}")).await?;
                self.done(&done, "is sent again")
            }
            Act::Discard { delivery } => {
                let done = gateway.call("DELETE", &format!("/v1/parked/{delivery}")).await?;
                self.done(&done, "is given up")
            }
            Act::Held => self.held(gateway).await,
            Act::Resume { queue } => {
                let done = gateway.call("POST", &format!("/v1/held/{queue}/resume")).await?;
                match self.output {
                    Output::Json => say(done),
                    Output::Text => say(format!("{queue} goes on")),
                }
            }
        }
    }

    async fn held(&self, gateway: &Gateway) -> Result<(), Failed> {
        let listed = gateway.call("GET", "/v1/held").await?;
        let rows = listed["held"].as_array().cloned().unwrap_or_default();
        if rows.is_empty() && self.output == Output::Text {
            return say("no queue is held");
        }
        for row in &rows {
            let text = |name: &str| row[name].as_str().unwrap_or_default();
            match self.output {
                Output::Json => say(row)?,
                Output::Text => {
                    say(format!("{:<20} {:<24} since {}", text("queue"), text("code"), text("since")))?;
                }
            }
        }
        Ok(())
    }

    async fn list(&self, gateway: &Gateway) -> Result<(), Failed> {
        let mut target = "/v1/parked".to_owned();
        let mut count = 0;
        loop {
            let page = gateway.call("GET", &target).await?;
            let rows = page["parked"].as_array().cloned().unwrap_or_default();
            if count == 0 && !rows.is_empty() && self.output == Output::Text {
                say(line("DELIVERY", "REASON", "SINCE", "TRIES", "EVENT"))?;
            }
            count += rows.len();
            for row in &rows {
                let text = |name: &str| row[name].as_str().unwrap_or_default();
                match self.output {
                    Output::Json => say(row)?,
                    Output::Text => say(line(
                        text("deliveryId"),
                        text("reason"),
                        text("parkedAt"),
                        &row["attempts"].to_string(),
                        &what(row),
                    ))?,
                }
            }
            match page["next"].as_str() {
                Some(next) => target = format!("/v1/parked?before={next}"),
                None => break,
            }
        }
        if count == 0 && self.output == Output::Text { say("nothing is parked") } else { Ok(()) }
    }

    fn done(&self, answer: &Value, what: &str) -> Result<(), Failed> {
        match self.output {
            Output::Json => say(answer),
            Output::Text => say(format!("{} {what}", answer["deliveryId"].as_str().unwrap_or_default())),
        }
    }
}

fn line(delivery: &str, reason: &str, since: &str, tries: &str, event: &str) -> String {
    format!("{delivery:<12} {reason:<24} {since:<25} {tries:>5}  {event}")
}

/// The event that is brought to Xceed, or the decision on it and where that goes back to.
fn what(row: &Value) -> String {
    let text = |name: &str| row[name].as_str().unwrap_or_default();
    match text("what") {
        "event" => text("eventId").to_owned(),
        what => format!("{}: {what} to {}", text("eventId"), text("to")),
    }
}

/// The row of one delivery: the newest below the number that follows it.
async fn find(gateway: &Gateway, delivery: &str) -> Result<Value, Failed> {
    let unknown = || Failed::because(format!("{delivery} is not parked; `parked list` shows what is"));
    let (kind, number) = delivery.split_once('-').ok_or_else(unknown)?;
    let number: u64 = number.parse().ok().filter(|_| matches!(kind, "d" | "p")).ok_or_else(unknown)?;
    let following = number.saturating_add(1);
    let page = gateway.call("GET", &format!("/v1/parked?limit=1&before={kind}-{following}")).await?;
    let row = page["parked"].get(0).filter(|row| row["deliveryId"] == delivery);
    row.cloned().ok_or_else(unknown)
}
