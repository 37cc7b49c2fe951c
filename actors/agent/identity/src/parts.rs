//! What a verdict says of parts: how many, by whom, to whom.

use telesphor_clinical::presentation::{Audience, Expected, Nonce, Presentation};
use telesphor_wire::ids::IdentityId;

use crate::report::{Finding, when};
use crate::trust::Verifier;

/// The findings about a presentation that was checked.
pub(crate) fn findings(
    presentation: &Presentation,
    by: Option<IdentityId>,
    expected: &Expected,
) -> Vec<Finding> {
    let showing = &presentation.showing;
    let answers = expected.question.is_some() && matches!(showing.nonce, Nonce::Asked(_));
    let mut findings = vec![Finding::PartsShown(presentation.units())];
    findings.extend(presentation.lists().into_iter().map(Finding::List));
    findings.push(Finding::ShownBy(by));
    findings.push(Finding::MadeOut {
        to: showing.audience.clone(),
        date: showing.date.clone(),
        answers,
    });
    findings
}

/// Such a finding in words.
pub(crate) fn line(finding: &Finding, verifier: &Verifier) -> String {
    match finding {
        Finding::PartsShown(1) => "1 part shown; what is not shown may exist".to_owned(),
        Finding::PartsShown(n) => format!("{n} parts shown; what is not shown may exist"),
        Finding::List(list) => match list.of {
            Some(of) if of == list.shown as u64 => format!("{}: complete, all {of} of them", list.path),
            Some(of) => format!("{}: {} of {of}", list.path, list.shown),
            None => format!("{}: {} shown; there may be more", list.path, list.shown),
        },
        Finding::ShownBy(Some(id)) => format!("shown by {}", verifier.name(id)),
        Finding::ShownBy(None) => "shown by the one for whom it was written".to_owned(),
        Finding::MadeOut { to, date, answers } => {
            let to = match to {
                Audience::Identity(id) => verifier.name(id),
                Audience::Named(name) => format!("\u{201c}{}\u{201d}", name.shown()),
            };
            let asked = match answers {
                true => ", in answer to your question",
                false => ", not in answer to a question of yours",
            };
            format!("made out to {to} on {}{asked}", when(date.stamp()))
        }
        _ => String::new(),
    }
}
