//! Who can see what: by person, in the words of `telesphor who`.

use serde::Serialize;
use telesphor_agent::views::GrantView;
use telesphor_clinical::text::shown;
use telesphor_wire::ids::IdentityId;

use super::document::short_id;
use super::frame::{Frame, Place, Scene};
use super::people::People;
use super::teams::Team;
use super::templates::render;
use super::words::words;
use crate::fault::Result;
use crate::out::Out;
use crate::shown::grant_words;

#[derive(Serialize)]
struct Page {
    f: Frame,
    teams: Vec<Team>,
    people: Vec<Person>,
}

/// Somebody who can see something, or could.
#[derive(Serialize)]
struct Person {
    name: String,
    with: IdentityId,
    /// Whom to name to end it; `None` if nothing runs, or if it is a team's.
    end: Option<String>,
    grants: Vec<Grant>,
}

/// Documents that were shown by one word.
#[derive(Serialize)]
pub(super) struct Grant {
    pub(super) scopes: String,
    pub(super) until: String,
    pub(super) why: String,
    /// It runs.
    pub(super) runs: bool,
    pub(super) opened: usize,
    last: Option<u64>,
    pub(super) last_words: String,
    pub(super) documents: Vec<Document>,
}

#[derive(Serialize)]
pub(super) struct Document {
    pub(super) id: String,
    pub(super) short: String,
    pub(super) title: String,
    pub(super) opened: String,
}

/// Whether a grant is one to a person, that runs and can be ended.
pub(super) fn can_end(out: &Out, people: &People, g: &GrantView) -> bool {
    let (state, ..) = grant_words(out, g);
    state == "shown" && !g.given && people.alias(&g.with) == Some(g.alias.as_str())
}

impl Grant {
    pub(super) fn add(&mut self, g: &GrantView, opened: String) {
        self.opened += usize::from(g.opened.is_some());
        if g.opened > self.last {
            self.last = g.opened;
            self.last_words.clone_from(&opened);
        }
        self.documents.push(Document {
            id: g.document.to_string(),
            short: short_id(&g.document),
            title: shown(&g.title),
            opened,
        });
    }
}

/// Grants of one person, put together where everything but the document is the same.
pub(super) fn together<'g>(out: &Out, grants: impl Iterator<Item = &'g GrantView>) -> Vec<Grant> {
    let mut all: Vec<Grant> = Vec::new();
    for g in grants {
        let (state, until, opened) = grant_words(out, g);
        let (scopes, why) = (g.scopes.join(", "), shown(&g.why));
        let fits = |one: &Grant| one.scopes == scopes && one.until == until && one.why == why;
        let at = all.iter().position(fits).unwrap_or_else(|| {
            all.push(Grant {
                scopes: scopes.clone(),
                until: until.clone(),
                why: why.clone(),
                runs: matches!(state, "shown" | "given"),
                opened: 0,
                last: None,
                last_words: words().say("not-opened"),
                documents: Vec::new(),
            });
            all.len() - 1
        });
        all[at].add(g, opened);
    }
    // What runs stands first.
    all.sort_by_key(|g| !g.runs);
    all
}

pub(super) async fn who(scene: &Scene<'_>) -> Result<String> {
    let grants = scene.agent.who().await?;
    let mut people: Vec<Person> = Vec::new();
    for g in &grants {
        if people.iter().any(|p| p.name == g.alias && p.with == g.with) {
            continue;
        }
        let theirs = || grants.iter().filter(|o| o.with == g.with && o.alias == g.alias);
        let ends = theirs().any(|o| can_end(&scene.out, &scene.people, o));
        people.push(Person {
            name: g.alias.clone(),
            with: g.with,
            end: ends.then(|| g.with.to_string()),
            grants: together(&scene.out, theirs()),
        });
    }
    people.sort_by_key(|p| !p.grants.iter().any(|g| g.runs));
    for person in &mut people {
        person.name = shown(&person.name);
    }
    let page = Page {
        f: scene.frame(Place::Who, &words().say("who"), None).await?,
        teams: scene
            .people
            .teams
            .iter()
            .map(|t| Team::of(scene, t))
            .filter(|t| t.own)
            .collect(),
        people,
    };
    render("who", &page)
}
