//! Documents that go together, in words.

use serde_json::json;
use telesphor_agent::views::{CollectionView, GatherView, ItemState, ItemView};

use crate::out::{Out, Row};

fn state_words(state: ItemState) -> String {
    match state {
        ItemState::Genuine => "genuine".to_owned(),
        ItemState::Missing => "NOT HERE".to_owned(),
        ItemState::NotGenuine(code) => format!("NOT GENUINE: {code}: {}", code.words()),
    }
}

fn item_words(item: &ItemView) -> String {
    let from = item.from.as_ref().map(|from| format!(", by way of {from}"));
    format!(
        "{}{}: {}{}, {}",
        if item.referral { "the referral: " } else { "" },
        if item.title.is_empty() {
            "(unknown)"
        } else {
            &item.title
        },
        item.author,
        from.unwrap_or_default(),
        state_words(item.state)
    )
}

/// A list with what became of its documents.
pub(crate) fn list_of(view: &CollectionView) -> Row {
    let good = view
        .items
        .iter()
        .filter(|i| i.state == ItemState::Genuine)
        .count();
    let words: Vec<String> = view.items.iter().map(item_words).collect();
    let items: Vec<serde_json::Value> = view
        .items
        .iter()
        .map(|i| {
            json!({
                "id": i.id.to_string(),
                "title": i.title,
                "author": i.author,
                "from": i.from,
                "referral": i.referral,
                "state": match i.state {
                    ItemState::Genuine => "genuine",
                    ItemState::Missing => "missing",
                    ItemState::NotGenuine(_) => "not-genuine",
                },
            })
        })
        .collect();
    Row::new()
        .text("id", "ID", &view.document.id.to_string())
        .text("why", "WHY", view.why.word())
        .text("by", "BY", &view.by)
        .both(
            "listed",
            "LISTED",
            view.items.len(),
            &view.items.len().to_string(),
        )
        .both("here", "HERE", good, &format!("{good} here and genuine"))
        .both(
            "words",
            "",
            view.words.clone(),
            view.words.as_deref().unwrap_or_default(),
        )
        .more("error", view.failed.map(|c| c.to_string()), "")
        .both("documents", "", items, &words.join("\n"))
}

/// A request, at either end.
pub(crate) fn request(out: &Out, g: &GatherView) -> Row {
    let id = g.answer.map(|id| id.to_string());
    let state = match (g.mine, &g.answer) {
        (true, None) => "asked, not answered yet".to_owned(),
        (true, Some(_)) => format!("answered: {} of {} here and genuine", g.here, g.listed),
        (false, None) => format!(
            "asks for all about him: {} documents; telesphor gather answer {}",
            g.listed, g.with
        ),
        (false, Some(_)) => format!("answered with {} documents", g.listed),
    };
    Row::new()
        .text("with", "WITH", &g.with)
        .both("asked_here", "", g.mine, if g.mine { "asked" } else { "asks" })
        .instant("at", "WHEN", Some(g.at), &out.short(g.at))
        .both("state", "STATE", state.clone(), &state)
        .more("listed", g.listed, "")
        .more("here", g.here, "")
        .more("answer", id.clone(), id.as_deref().unwrap_or_default())
        .more("words", g.words.clone(), g.words.as_deref().unwrap_or_default())
}
