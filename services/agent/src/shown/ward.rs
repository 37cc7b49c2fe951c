//! Who wrote a document that a place signed, in words.

use telesphor_agent::views::{DocumentView, HandView};
use telesphor_clinical::text::shown;

use crate::out::Out;

/// By whom, in a list.
pub(crate) fn by(d: &DocumentView) -> String {
    match &d.hand {
        Some(hand) if hand.proved => format!("{} ({})", hand.name, d.author_name),
        Some(hand) => format!("{}, naming {}", d.author_name, hand.name),
        None => d.author_name.clone(),
    }
}

/// What is proved of it, and what is not.
pub(crate) fn hand(out: &Out, d: &DocumentView, hand: &HandView) -> String {
    let place = &d.author_name;
    let at = match hand.device.is_empty() {
        true => String::new(),
        false => format!(" \"{}\"", hand.device),
    };
    shown(&match (hand.proved, hand.until) {
        (true, Some(until)) => format!(
            "Written at {place}'s device{at} by {}, who had signed to be there until {}. The device signed the text: that this \
person wrote it, {place} says.",
            hand.name,
            out.exactly(until)
        ),
        (true, None) => format!(
            "Written by {}. {place} signed it, and can say who that is.",
            hand.name
        ),
        (false, _) => format!(
            "{place} signed it and names {}. NOTHING PROVES WHO WROTE IT.",
            hand.name
        ),
    })
}
