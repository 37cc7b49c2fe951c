//! Laboratory orders in words.

use telesphor_agent::views::{LabOrderView, LabProof};
use telesphor_clinical::lab::mapping::LabMapping;

use crate::out::{Out, Row};
use crate::short;

/// What must be done about a critical value, if anything.
fn critical_words(out: &Out, o: &LabOrderView, now: u64) -> String {
    let Some((tests, at)) = &o.critical else {
        return String::new();
    };
    let tests = tests.join(", ");
    match (o.acknowledged, &o.call) {
        (Some(at), _) => format!("critical: {tests}; acknowledged {}", out.exactly(at)),
        (None, Some((number, by))) if *by < now => {
            format!(
                "CRITICAL: {tests}; OVERDUE since {}: call {number}, code {}",
                out.exactly(*by),
                o.form
            )
        }
        (None, Some((number, by))) => format!(
            "CRITICAL: {tests}; nobody has acknowledged it; from {} call {number}, code {}",
            out.exactly(*by),
            o.form
        ),
        (None, None) => format!(
            "CRITICAL: {tests}, since {}: act, then `telesphor lab ack {}`",
            out.exactly(*at),
            o.tube
        ),
    }
}

/// One order, at either end.
pub(crate) fn order(out: &Out, o: &LabOrderView, letters: usize, now: u64) -> Row {
    let ids: Vec<String> = o.results.iter().map(ToString::to_string).collect();
    let cut: Vec<String> = ids.iter().map(|id| short::cut(id, letters)).collect();
    let given: Vec<String> = o.released.iter().map(ToString::to_string).collect();
    let refused: Vec<String> = o
        .refused
        .iter()
        .map(|(at, code)| format!("NOT TAKEN, came {}: {code}: {}", out.exactly(*at), code.words()))
        .collect();
    let critical = critical_words(out, o, now);
    let state = match &o.why {
        Some(why) => format!("{}: {why}", o.state),
        None => o.state.to_string(),
    };
    let unsent = o
        .unsent
        .map(|code| format!("NOT SENT: {code}: {}", code.words()))
        .unwrap_or_default();
    let row = Row::new()
        .text("tube", "TUBE", &o.tube)
        .text("form", "FORM", &o.form)
        .text("tests", "TESTS", &o.tests)
        .both("state", "STATE", o.state.word(), &state);
    let row = match &o.patient {
        Some(patient) => row.text("for", "FOR", patient),
        None => row.text(
            "cost_centre",
            "PAYS",
            o.cost_centre.as_deref().unwrap_or_default(),
        ),
    };
    row.text("with", "WITH", &o.other)
        .instant("at", "ORDERED", Some(o.at), &out.short(o.at))
        .both("results", "RESULTS", ids.clone(), &cut.join(", "))
        .both("critical", "CRITICAL", critical.clone(), &critical)
        .more("urgent", o.urgent, if o.urgent { "yes" } else { "" })
        .more("why", o.why.clone(), "")
        .more("about", o.about.clone(), &o.about)
        .more(
            "changed",
            crate::out::rfc3339(Some(o.changed)),
            &out.exactly(o.changed),
        )
        .more("mapping", o.mapping.map(|id| id.to_string()), "")
        .more(
            "given",
            given,
            if o.released.is_empty() {
                ""
            } else {
                "the patient has it"
            },
        )
        .more(
            "letter",
            o.letter,
            if o.letter {
                "a letter went to the hospital's role"
            } else {
                ""
            },
        )
        .more("refused", refused.clone(), &refused.join("\n"))
        .more("unsent", o.unsent.map(|c| c.to_string()), &unsent)
}

/// Whether a result and an order belong together, and what that proves.
pub(crate) fn proof(p: &LabProof) -> Row {
    let whose = match (&p.failed, p.mine, &p.patient) {
        (Some(code), _, _) => format!("NOT PROVED: {}", code.words()),
        (None, true, _) => "yours".to_owned(),
        (None, false, Some(patient)) => format!("{patient}'s"),
        (None, false, None) => String::new(),
    };
    let ordered = p
        .mapping
        .as_ref()
        .map(|(view, verdict)| (view.id.to_string(), verdict.lines.clone()));
    let (mapping, by_order) = ordered.unwrap_or_default();
    Row::new()
        .both("whose", "", p.failed.is_none(), &whose)
        .more("mine", p.mine, "")
        .more("error", p.failed.map(|c| c.to_string()), "")
        .text("result", "", &p.result.title)
        .more("result_id", p.result.id.to_string(), &p.result.id.to_string())
        .more("laboratory", p.laboratory.clone(), &p.laboratory)
        .more(
            "result_checked",
            p.verdict.lines.clone(),
            &p.verdict.lines.join("\n"),
        )
        .more(
            "ordered_by",
            p.orderer.clone(),
            p.orderer.as_deref().unwrap_or_default(),
        )
        .more("order_id", mapping.clone(), &mapping)
        .more("order_checked", by_order.clone(), &by_order.join("\n"))
        .more(
            "current",
            p.verdict.standing.is_current(),
            if p.verdict.standing.is_current() {
                ""
            } else {
                "NO: a newer one stands in its place"
            },
        )
}

/// What an order says, for whoever reads it.
pub(crate) fn body_words(body: &[u8]) -> Option<String> {
    let mapping = LabMapping::from_bytes(body).ok()?;
    let tests: Vec<String> = mapping
        .tests
        .iter()
        .map(|t| format!("{} {}", t.code.shown(), t.name.shown()).trim().to_owned())
        .collect();
    Some(format!(
        "Ordered at {}, who does not know for whom: {}\nOn the tube: {}\nOn the form: {}\nWith the result it proves whose it is: telesphor lab match WHAT",
        mapping.laboratory_name.shown(),
        tests.join(", "),
        mapping.tube,
        mapping.form
    ))
}
