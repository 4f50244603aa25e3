//! What the demo prints.

use super::super::shell::{Failed, Output, say};
use super::samples::{INTERACTION, Sample};
use anstyle::{AnsiColor, Style};
use serde_json::Value;
use std::io::IsTerminal;
use std::net::SocketAddr;

/// Where the demo prints, and how.
pub(super) struct Screen {
    output: Output,
    coloured: bool,
}

impl Screen {
    pub(super) fn new(output: Output) -> Self {
        let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { output, coloured }
    }

    pub(super) fn opening(&self) -> Result<(), Failed> {
        if self.output == Output::Json {
            return Ok(());
        }
        say("A gateway and a simulated Xceed, on this machine alone.\n")?;
        let heading = format!("{:<10} {:>6} {:>7}   {}", "DECISION", "SCORE", "TOOK", "EVENT, AND WHY");
        say(self.styled(Style::new().bold(), &heading))
    }

    pub(super) fn decision(&self, sample: &Sample, answer: &str) -> Result<(), Failed> {
        if self.output == Output::Json {
            return say(answer);
        }
        let answer: Value = serde_json::from_str(answer).unwrap_or_default();
        let decision = answer["decision"].as_str().unwrap_or("?");
        let score =
            answer["riskScore"].as_f64().map_or_else(|| "–".to_owned(), |score| format!("{score:.1}"));
        let took = answer["latencyMs"].as_f64().unwrap_or_default();
        let word = self.styled(colour(decision), &format!("{decision:<10}"));
        say(format!("{word} {score:>6} {took:>4.0} ms   {}", sample.title))?;
        for reason in answer["reasons"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            say(self.styled(Style::new().dimmed(), &format!("{:28}{reason}", "")))?;
        }
        Ok(())
    }

    /// A data action: what is told at once, and what then lands in the interaction.
    pub(super) fn data_action(&self, told: &str, interaction: &str, landed: &str) -> Result<(), Failed> {
        let mut told: Value = serde_json::from_str(told).unwrap_or_default();
        let landed: Value = serde_json::from_str(landed).unwrap_or_default();
        let attributes = &landed["attributes"];
        if self.output == Output::Json {
            told["interaction"] = serde_json::json!({ "id": interaction, "attributes": attributes });
            return say(told);
        }
        let word = self.styled(colour("CHALLENGE"), &format!("{:<10}", "PENDING"));
        say(format!("{word} {:>6} {:>7}   A CXone data action: told at once, decided behind", "–", ""))?;
        let text = |name: &str| attributes[name].to_string().trim_matches('"').to_owned();
        let names = ["fraud_risk_score", "fraud_flag", "assessment_time"];
        let shown = names.map(|name| format!("{name} {}", text(name))).join(", ");
        let line = format!("{:28}then in interaction {interaction}: {shown}", "");
        say(self.styled(Style::new().dimmed(), &line))
    }

    pub(super) fn next(&self, gateway: SocketAddr, xceed: SocketAddr, key: &str) -> Result<(), Failed> {
        if self.output == Output::Json {
            return Ok(());
        }
        let bold = |text: &str| self.styled(Style::new().bold(), text);
        say(format!(
            r#"
{}

  curl -s http://{gateway}/v1/events -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
    -d '{{"eventId":"mine-1","eventType":"WireTransfer","customer":{{"id":"C-1","tier":"new"}},
         "transaction":{{"amount":12500.00,"currency":"USD","payee":"ACME Ltd"}}}}'

Send it again: the same answer, byte for byte, and Xceed is not asked twice.
Leave something out or write it wrong, and read the error.
Under another id, with ?mode=async behind the address: 202 at once, and the decision when Xceed calls back.

{}     curl -s http://{gateway}/v1/events/mine-1 -H 'Authorization: Bearer {key}'
{}   curl -s http://{gateway}/v1/return-codes -H 'Authorization: Bearer {key}'
{}       curl -s http://{xceed}/_sim/received; what it called back: curl -s http://{xceed}/_sim/callbacks
{}       curl -s http://{xceed}/_sim/interactions/{INTERACTION}; all of it: curl -s http://{xceed}/_sim/platform
{}       http://{gateway}/console, where {key} is the key to sign in with
{}     a customer id such as SIM-SLOW-1500, SIM-MAINTENANCE, SIM-HASH_KEY_FAIL, SIM-RESET; curl -s http://{xceed}/

Stop with Ctrl-C."#,
            bold("Try it yourself:"),
            bold("What became of it:"),
            bold("What codes can mean:"),
            bold("What Xceed got:"),
            bold("What CXone got:"),
            bold("Look at it all:"),
            bold("Make Xceed fail:"),
        ))
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.coloured { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

fn colour(decision: &str) -> Style {
    let colour = match decision {
        "ALLOW" => AnsiColor::Green,
        "CHALLENGE" => AnsiColor::Cyan,
        "REVIEW" => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    };
    Style::new().bold().fg_color(Some(colour.into()))
}
