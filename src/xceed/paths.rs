//! Where in an answer what is found: the API set's paths, taken apart.

use serde::Deserialize;

/// Where in an answer what is found: names below the response element.
#[derive(Clone, Debug)]
pub struct Paths {
    pub(super) return_code: Vec<String>,
    pub(super) return_message: Vec<String>,
    pub(super) event_id: Vec<String>,
    pub(super) risk_score: Vec<String>,
    pub(super) risk_action: Vec<String>,
    pub(super) reason: Vec<String>,
    pub(super) validation_error: Vec<String>,
    /// The attribute of a validation error that names its event.
    pub(super) validation_error_event: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PathsForm {
    return_code: String,
    return_message: String,
    event_id: String,
    risk_score: String,
    risk_action: String,
    reason: String,
    validation_error: String,
    validation_error_event: String,
}

impl PathsForm {
    pub(super) fn names(&self) -> Vec<String> {
        let paths = [
            &self.return_code,
            &self.return_message,
            &self.event_id,
            &self.risk_score,
            &self.risk_action,
            &self.reason,
            &self.validation_error,
            &self.validation_error_event,
        ];
        paths.into_iter().flat_map(|path| split(path)).collect()
    }
}

impl Paths {
    /// The same paths below another element: where a callback has its Results.
    pub(super) fn below(&self, results: &str) -> Self {
        let moved = |path: &Vec<String>| {
            let rest = path.iter().skip(1).cloned();
            std::iter::once(results.to_owned()).chain(rest).collect()
        };
        Self {
            return_code: moved(&self.return_code),
            return_message: moved(&self.return_message),
            event_id: moved(&self.event_id),
            risk_score: moved(&self.risk_score),
            risk_action: moved(&self.risk_action),
            reason: moved(&self.reason),
            validation_error: moved(&self.validation_error),
            validation_error_event: self.validation_error_event.clone(),
        }
    }

    pub(super) fn compile(form: &PathsForm) -> Self {
        Self {
            return_code: split(&form.return_code),
            return_message: split(&form.return_message),
            event_id: split(&form.event_id),
            risk_score: split(&form.risk_score),
            risk_action: split(&form.risk_action),
            reason: split(&form.reason),
            validation_error: split(&form.validation_error),
            validation_error_event: form.validation_error_event.clone(),
        }
    }
}

fn split(path: &str) -> Vec<String> {
    path.split('/').map(str::to_owned).collect()
}
