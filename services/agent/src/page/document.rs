//! One document. It is shown only after its opening is written down: by the runtime, as for `read`.

use serde::Serialize;
use telesphor_agent::views::{Direction, DocumentView, StandingView};
use telesphor_clinical::text::shown;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;

use super::body::Content;
use super::card::{Card, tells};
use super::frame::{Frame, Moment, Place, Scene};
use super::templates::render;
use crate::fault::{Fault, Result};
use crate::short;
use crate::shown::acts::{gone_words, standing_words};
use crate::shown::{end_words, genuine_words};

/// Letters of an id in a line of words.
const LETTERS: usize = 12;

#[derive(Serialize)]
struct Page {
    f: Frame,
    card: Card,
    patient_id: Option<String>,
    recorded: Moment,
    /// Why it cannot be shown.
    gone: Option<String>,
    /// What stands in its place.
    not_current: Option<String>,
    opened: Option<Shown>,
}

/// What is shown of an opened one.
#[derive(Serialize)]
struct Shown {
    genuine: String,
    failed: bool,
    checked: Vec<String>,
    content: Content,
    size: usize,
}

#[derive(Serialize)]
struct Decline {
    f: Frame,
    card: Card,
}

async fn frame(scene: &Scene<'_>, d: &DocumentView, title: &str) -> Result<Frame> {
    let patient = d.subject.map(|id| scene.people.name(&id));
    scene.frame(Place::Elsewhere, title, patient).await
}

/// Why a document cannot be opened any more, if so.
async fn gone(scene: &Scene<'_>, d: &DocumentView) -> Result<Option<String>> {
    if let (StandingView::Retracted(back), true) = (&d.standing, d.direction != Direction::Own) {
        return Ok(Some(shown(&gone_words(&scene.out, d, back))));
    }
    match d.ended {
        true => over(scene, &d.id).await.map(Some),
        false => Ok(None),
    }
}

async fn over(scene: &Scene<'_>, id: &DocumentId) -> Result<String> {
    let end = scene.agent.ended(&id.to_string()).await?;
    Ok(end.map_or_else(
        || ErrorCode::LeaseOver.words().to_owned(),
        |end| shown(&end_words(&scene.out, &end)),
    ))
}

pub(super) async fn document(scene: &Scene<'_>, id: DocumentId) -> Result<String> {
    let what = id.to_string();
    let mut view = scene.agent.document(&what).await?;
    let mut gone = gone(scene, &view).await?;
    let mut opened = None;
    // What tells somebody is opened by a form, never by looking here.
    if gone.is_none() && !tells(&view) {
        match scene.agent.read(&what).await {
            Ok(read) => {
                opened = Some(Shown {
                    genuine: genuine_words(&read.verdict),
                    failed: read.verdict.failed.is_some(),
                    checked: read.verdict.lines.iter().map(|l| shown(l)).collect(),
                    content: Content::of(&read),
                    size: usize::try_from(read.view.size).unwrap_or(usize::MAX),
                });
                view = read.view;
            }
            Err(error) if error.code == ErrorCode::LeaseOver => gone = Some(over(scene, &id).await?),
            Err(error) => return Err(Fault::from(error)),
        }
    }
    let card = Card::of(&scene.out, &view);
    let standing = shown(&standing_words(&scene.out, &view.standing, LETTERS));
    let page = Page {
        f: frame(scene, &view, &card.title).await?,
        patient_id: view.subject.map(|id| id.to_string()),
        recorded: Moment::at(&scene.out, view.recorded),
        gone,
        not_current: (!view.standing.is_current()).then_some(standing),
        opened,
        card,
    };
    render("document", &page)
}

pub(super) async fn decline(scene: &Scene<'_>, id: DocumentId) -> Result<String> {
    let view = scene.agent.document(&id.to_string()).await?;
    let card = Card::of(&scene.out, &view);
    let page = Decline {
        f: frame(scene, &view, &card.title).await?,
        card,
    };
    render("decline", &page)
}

/// A document's id as lists show it.
pub(super) fn short_id(id: &DocumentId) -> String {
    short::cut(&id.to_string(), LETTERS)
}
