//! Progress on stderr, and only where a person can see it being redrawn.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

use super::{Form, Out};

/// A line that says what is being waited for; gone when dropped.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(crate) fn start(out: &Out, words: &str) -> Self {
        if out.form != Form::Person || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(words.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(Some(bar))
    }

    /// Shows how far it has come: bytes done, bytes in all.
    pub(crate) fn counter(&self) -> impl Fn(u64, u64) + Send + Sync + 'static + use<> {
        let bar = self.0.clone();
        let style = ProgressStyle::with_template(
            "{spinner} {msg} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec} {elapsed}",
        );
        move |done, all| {
            let Some(bar) = &bar else { return };
            if bar.length() != Some(all) {
                bar.set_length(all);
                if let Ok(style) = &style {
                    bar.set_style(style.clone());
                }
            }
            bar.set_position(done);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
