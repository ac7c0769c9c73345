//! Who is counted and how limits answer.

use plimsoll_core::settings::Settings;
use plimsoll_ratelimit::Answers;
use plimsoll_ratelimit::answers::{Jitter, Partition};

use super::Builder;

impl Builder {
    /// How limits answer: the form of their fields, how far waits are spread.
    ///
    /// ```
    /// use plimsoll::{Answers, Plimsoll};
    /// use plimsoll::ratelimit::Form;
    ///
    /// let builder = Plimsoll::builder("card-service")
    ///     .answers(Answers::default().form(Form::XRateLimit));
    /// # let _ = builder;
    /// ```
    pub fn answers(mut self, answers: Answers) -> Self {
        self.answers = answers;
        self
    }

    pub(super) fn apply_to_limits(&mut self, settings: &Settings) {
        let mut answers = std::mem::take(&mut self.answers);
        if let Some(form) = settings.parse("limit_headers") {
            answers = answers.form(form);
        }
        if let Some(share) = settings.parse("limit_jitter") {
            answers = answers.jitter(Jitter::share(share));
        }
        let secret = settings.get("limit_secret").filter(|it| !it.is_empty());
        let partition = || match secret {
            Some(secret) => Partition::of(secret.as_bytes()),
            None => Partition::drawn(),
        };
        match settings.get("limit_partition") {
            Some("on") => answers = answers.partition(partition()),
            Some(_) => answers = answers.partition(None),
            None => {}
        }
        self.answers = answers;
    }
}
