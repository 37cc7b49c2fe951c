//! Studies in words.

use serde_json::json;
use telesphor_agent::views::{StudyRowsView, StudyStand, StudyView, SumView};

use crate::out::{Out, Row};

/// Fewer values than this single nobody out by their number alone.
const MANY: usize = 3;

fn stand(s: &StudyView) -> &'static str {
    match s.stand {
        StudyStand::Mine => "mine",
        StudyStand::Adding => "adds up",
        StudyStand::Joined => "takes part",
        StudyStand::Left => "left",
        StudyStand::Asked => "asked",
    }
}

fn people_words(s: &StudyView) -> String {
    match (s.stand, s.people) {
        (StudyStand::Mine, Some((now, left))) => format!("{now} take part, {left} have left"),
        (StudyStand::Mine, None) => format!("fewer than {}", s.min_cell),
        _ => String::new(),
    }
}

fn refusals(out: &Out, s: &StudyView) -> String {
    let words = |(at, code): &(u64, telesphor_wire::error::ErrorCode)| {
        format!("NOT COUNTED, came {}: {code}: {}", out.exactly(*at), code.words())
    };
    s.not_counted.iter().map(words).collect::<Vec<_>>().join("\n")
}

/// One line of a list.
pub(crate) fn line(out: &Out, s: &StudyView) -> Row {
    let people = people_words(s);
    let unsent = s.unsent.map(|c| format!("NOT SENT: {c}: {}", c.words()));
    Row::new()
        .text("id", "ID", &s.id.to_string())
        .text("name", "NAME", &s.name)
        .text("researcher", "BY", &s.researcher)
        .text("state", "STATE", stand(s))
        .instant("until", "UNTIL", Some(s.until), &out.short(s.until))
        .both(
            "people",
            "PEOPLE",
            s.people.map_or(
                serde_json::Value::Null,
                |(now, left)| json!({"now": now, "left": left}),
            ),
            &people,
        )
        .more(
            "left",
            crate::out::rfc3339(s.left),
            &s.left.map_or(String::new(), |at| out.exactly(at)),
        )
        .more(
            "sent",
            s.sent.map(|(n, _)| n),
            &s.sent.map_or(String::new(), |(n, at)| {
                format!("{n} times, last {}", out.exactly(at))
            }),
        )
        .more("paid", s.paid, "")
        .more(
            "not_counted",
            s.not_counted
                .iter()
                .map(|(_, c)| c.to_string())
                .collect::<Vec<_>>(),
            &refusals(out, s),
        )
        .more(
            "unsent",
            s.unsent.map(|c| c.to_string()),
            unsent.as_deref().unwrap_or_default(),
        )
}

/// What leaves and what does not, in plain words, for whoever is asked.
pub(crate) fn what_leaves(s: &StudyView) -> Vec<String> {
    let mut words = Vec::new();
    if !s.leaving.is_empty() {
        words.push(format!("These {} values leave, and no others:", s.leaving.len()));
        for (field, element, json) in &s.leaving {
            words.push(format!("  {field}: {element} {json}"));
        }
        let dates = match s.dates.as_str() {
            "none" => "no dates".to_owned(),
            day => format!("dates to the {day} and no closer"),
        };
        words.push(format!(
            "They go with {dates}, under a key that was made for this study alone."
        ));
    }
    if !s.sums.is_empty() {
        words.push(
            "Of these, nobody sees your number; only the sum of a hundred people or more, with noise:"
                .to_owned(),
        );
        words.extend(s.sums.iter().map(|sum| format!("  {sum}")));
        let names: Vec<String> = s
            .adders
            .iter()
            .map(|(name, domain)| format!("{name} ({domain})"))
            .collect();
        words.push(format!(
            "It goes in two halves, to {}. Whoever has both halves has your number.",
            names.join(" and ")
        ));
        if s.trial {
            words.push(
                "THIS IS A TRIAL: both are of one domain. Take part with invented data only.".to_owned(),
            );
        }
    }
    words.push(
        "What does not leave: your name, your number, who treated you, documents, their signatures, what others wrote freely, and everything else in your record."
            .to_owned(),
    );
    if !s.leaving.is_empty() {
        let few = if s.leaving.len() > MANY {
            "So many values"
        } else {
            "Even few values"
        };
        words.push(format!(
            "{few} can single somebody out: whoever knows some of them from elsewhere may recognise you. Nothing is shown of fewer than {} people, if the researcher keeps to it; the values lie with them.",
            s.min_cell
        ));
    }
    words.push("You can leave at any time: then nothing more is sent, and what you sent is taken out. What was published before stays.".to_owned());
    words
}

/// One study as a whole.
pub(crate) fn whole(out: &Out, s: &StudyView) -> Row {
    let told: Vec<String> = s.told.iter().map(|(_, words)| words.clone()).collect();
    let leaving: Vec<serde_json::Value> = s
        .leaving
        .iter()
        .map(|(field, element, json)| {
            let value: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
            json!({"field": field, "element": element, "value": value})
        })
        .collect();
    let leaves = match (s.stand, s.fits) {
        (StudyStand::Asked | StudyStand::Joined, true) => what_leaves(s).join("\n"),
        (StudyStand::Asked | StudyStand::Joined, false) => {
            "your record does not fit: nothing would leave".to_owned()
        }
        _ => String::new(),
    };
    let refused = s.refused.map(|c| format!("NOTHING IS SENT: {c}: {}", c.words()));
    let voucher = match s.voucher {
        Some(true) => "here: telesphor study voucher take",
        Some(false) => "not here yet",
        None => "",
    };
    line(out, s)
        .more("purpose", s.purpose.clone(), &s.purpose)
        .more("approval", s.approval.clone(), &s.approval)
        .more("told", told.clone(), &told.join("\n"))
        .more("meant", s.criteria.clone(), &s.criteria.join("\n"))
        .more("fields", s.fields.clone(), &s.fields.join("\n"))
        .more("sums", s.sums.clone(), &s.sums.join("\n"))
        .more("dates", s.dates.clone(), &s.dates)
        .more(
            "min_cell",
            s.min_cell,
            &format!("nothing is shown of fewer than {} people", s.min_cell),
        )
        .more(
            "payout",
            s.payout.clone(),
            s.payout.as_deref().unwrap_or_default(),
        )
        .more("voucher", s.voucher, voucher)
        .more("fits", s.fits, "")
        .more("leaving", leaving, &leaves)
        .more(
            "refused",
            s.refused.map(|c| c.to_string()),
            refused.as_deref().unwrap_or_default(),
        )
}

/// The values that came.
pub(crate) fn rows(view: &StudyRowsView) -> Vec<Row> {
    let mut all = Vec::new();
    for given in &view.given {
        for row in &given.rows {
            let field = view.fields.get(usize::from(row.field)).map_or("", String::as_str);
            for part in &row.parts {
                let json = part.json.as_str();
                let value: serde_json::Value = serde_json::from_str(json).unwrap_or_default();
                all.push(
                    Row::new()
                        .text("who", "WHO", &given.who)
                        .text("field", "FIELD", field)
                        .text("element", "ELEMENT", part.element.as_str())
                        .both("value", "VALUE", value, json),
                );
            }
        }
    }
    all
}

/// A sum.
pub(crate) fn sum(out: &Out, s: &SumView) -> Row {
    let numbers = s
        .values
        .as_ref()
        .map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
    let numbers = numbers.map_or("one half is missing".to_owned(), |all| all.join(" "));
    let values = s.values.as_ref().map(|all| {
        let all = all.iter().map(|n| i64::try_from(*n).unwrap_or(i64::MAX));
        all.map(serde_json::Value::from).collect::<Vec<_>>()
    });
    let means: Vec<String> = s.means.iter().map(|m| format!("{m:.4}")).collect();
    Row::new()
        .text("name", "NAME", &s.name)
        .both("people", "PEOPLE", s.people, &s.people.to_string())
        .both(
            "values",
            "SUM",
            values.map_or(serde_json::Value::Null, serde_json::Value::from),
            &numbers,
        )
        .both("means", "MEANS", s.means.clone(), &means.join(" "))
        .instant("at", "WHEN", Some(s.at), &out.short(s.at))
        .more("words", s.words.clone(), &s.words)
        .more(
            "epsilon_milli",
            s.epsilon_milli,
            &format!(
                "noise of epsilon {}.{:03}, by each of the two",
                s.epsilon_milli / 1000,
                s.epsilon_milli % 1000
            ),
        )
}
