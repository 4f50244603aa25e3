//! The command line, by running the real program: every command, good and bad, its help, its exit status, and that no
//! secret is ever printed. Not a test of what a gateway answers: that is `tests/gateway.rs`.

#[path = "cli/artefact.rs"]
mod artefact;
#[path = "cli/configuration.rs"]
mod configuration;
#[path = "cli/demo.rs"]
mod demo;
#[path = "cli/doctor.rs"]
mod doctor;
#[path = "cli/folder.rs"]
mod folder;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/load.rs"]
mod load;
#[path = "cli/secrets.rs"]
mod secrets;
#[path = "cli/serving.rs"]
mod serving;
#[path = "cli/sign.rs"]
mod sign;
#[path = "cli/sources.rs"]
mod sources;
#[path = "cli/translate.rs"]
mod translate;
#[path = "cli/validate.rs"]
mod validate;
