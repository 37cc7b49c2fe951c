//! The oracle: who may read and fetch what, computed from the script alone. Nothing here calls
//! anything of the product, and nothing here was taken from it.

use std::collections::BTreeSet;

pub type Who = &'static str;
pub type Scope = &'static str;
pub type People = BTreeSet<Who>;

pub const PATIENT: Who = "Aino";

/// Shown only to somebody who may see it expressly, whatever else a document is about.
const SENSITIVE: [Scope; 1] = ["psychiatry"];

/// One line of a script. What is `limited` ends by itself, at one instant for all that is.
#[derive(Clone, Debug)]
pub enum Deed {
    /// The ward's whole plan from now on.
    Plan(Vec<Turn>),
    /// The patient grants scopes to a role.
    Grant(Scopes, Who, Limited),
    /// She ends what a role was granted: all of it, or what touches some scopes.
    Revoke(Who, Scopes),
    /// She shows scopes to a contact of her own.
    Show(Scopes, Who, Limited),
    /// She ends it.
    Withdraw(Who),
    /// She writes something, and shows it wherever its scopes are granted.
    Write(Scopes),
    /// Somebody on duty writes a note into the first team of his role.
    Note(Who, Who),
    /// Her phone goes off or on.
    Phone(bool),
    /// Whatever is limited runs out.
    Ends,
}

pub type Scopes = Vec<Scope>;
pub type Limited = bool;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub who: Who,
    pub role: Who,
    pub limited: bool,
}

/// What was granted to a role or shown to a person: one mailbox.
#[derive(Clone, Debug)]
pub struct Grant {
    /// A role, or somebody by name.
    pub to: Who,
    pub personal: bool,
    pub scopes: Scopes,
    pub limited: bool,
    pub live: bool,
    pub documents: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
pub struct Document {
    pub author: Who,
    pub scopes: Scopes,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub turns: Vec<Turn>,
    pub grants: Vec<Grant>,
    pub documents: Vec<Document>,
    pub phone_off: bool,
}

impl Document {
    /// One of its scopes is granted, and all of its sensitive ones are.
    pub fn lies_in(&self, granted: &[Scope]) -> bool {
        let sensitive = self.scopes.iter().filter(|s| SENSITIVE.contains(s));
        self.scopes.iter().any(|s| granted.contains(s)) && sensitive.into_iter().all(|s| granted.contains(s))
    }
}

impl Model {
    /// Who sits where a grant is carried out, beside the patient; nobody once it is over.
    pub fn members(&self, grant: &Grant) -> People {
        let on_duty = self.turns.iter().filter(|t| t.role == grant.to).map(|t| t.who);
        match (grant.live, grant.personal) {
            (false, _) => People::new(),
            (true, true) => People::from([grant.to]),
            (true, false) => on_duty.collect(),
        }
    }

    pub fn reads(&self, who: Who, document: usize) -> bool {
        let shown = |g: &Grant| g.documents.contains(&document) && self.members(g).contains(who);
        who == PATIENT || self.documents[document].author == who || self.grants.iter().any(shown)
    }

    /// Live grants of a role or to a person, first to last.
    pub fn of(&self, to: Who) -> Vec<usize> {
        let all = self.grants.iter().enumerate();
        all.filter(|(_, g)| g.live && g.to == to)
            .map(|(i, _)| i)
            .collect()
    }

    fn give(&mut self, to: Who, personal: bool, scopes: Scopes, limited: bool) {
        let lie = |d: &(usize, &Document)| d.1.lies_in(&scopes);
        let documents: BTreeSet<usize> = self
            .documents
            .iter()
            .enumerate()
            .filter(lie)
            .map(|d| d.0)
            .collect();
        let same = |g: &&mut Grant| g.live && g.to == to && g.scopes == scopes && g.limited == limited;
        match self.grants.iter_mut().find(same) {
            Some(grant) => grant.documents.extend(documents),
            None if documents.is_empty() => {}
            None => self.grants.push(Grant {
                to,
                personal,
                scopes,
                limited,
                live: true,
                documents,
            }),
        }
    }

    pub fn apply(&mut self, deed: &Deed) {
        match deed.clone() {
            Deed::Plan(turns) => self.turns = turns,
            Deed::Grant(scopes, role, limited) => self.give(role, false, scopes, limited),
            Deed::Show(scopes, to, limited) => self.give(to, true, scopes, limited),
            Deed::Withdraw(to) => self
                .grants
                .iter_mut()
                .filter(|g| g.to == to)
                .for_each(|g| g.live = false),
            Deed::Revoke(role, scopes) => {
                for grant in self.of(role) {
                    let Grant {
                        scopes: had, limited, ..
                    } = self.grants[grant].clone();
                    if scopes.is_empty() || had.iter().any(|s| scopes.contains(s)) {
                        self.grants[grant].live = false;
                        let left: Scopes = had.into_iter().filter(|s| !scopes.contains(s)).collect();
                        if !scopes.is_empty() && !left.is_empty() {
                            self.give(role, false, left, limited);
                        }
                    }
                }
            }
            Deed::Write(scopes) => {
                let new = Document {
                    author: PATIENT,
                    scopes,
                };
                for grant in self
                    .grants
                    .iter_mut()
                    .filter(|g| g.live && new.lies_in(&g.scopes))
                {
                    grant.documents.insert(self.documents.len());
                }
                self.documents.push(new);
            }
            Deed::Note(who, role) => {
                let first = self.of(role)[0];
                self.grants[first].documents.insert(self.documents.len());
                self.documents.push(Document {
                    author: who,
                    scopes: Scopes::new(),
                });
            }
            Deed::Phone(on) => self.phone_off = !on,
            Deed::Ends => self.expire(),
        }
    }

    /// The one instant at which all that is limited ends.
    pub fn expire(&mut self) {
        self.turns.retain(|t| !t.limited);
        self.grants
            .iter_mut()
            .filter(|g| g.limited)
            .for_each(|g| g.live = false);
    }

    /// Whether a deed makes sense now. With the phone off somebody who stays must let others in
    /// and out.
    pub fn possible(&self, deed: &Deed) -> bool {
        match deed {
            Deed::Plan(turns) => {
                let after = Self {
                    turns: turns.clone(),
                    ..self.clone()
                };
                let carried = |g: &Grant| {
                    let (old, new) = (self.members(g), after.members(g));
                    old == new || old.intersection(&new).next().is_some()
                };
                !self.phone_off || self.grants.iter().all(carried)
            }
            Deed::Grant(..) | Deed::Write(_) => !self.phone_off,
            Deed::Show(_, to, _) => !self.phone_off && self.of(to).is_empty(),
            Deed::Revoke(to, scopes) => {
                let touched = |g: &usize| {
                    scopes.is_empty() || self.grants[*g].scopes.iter().any(|s| scopes.contains(s))
                };
                !self.phone_off && self.of(to).iter().any(touched)
            }
            Deed::Withdraw(to) => !self.phone_off && !self.of(to).is_empty(),
            Deed::Note(who, role) => {
                let on_duty = self.turns.iter().any(|t| t.who == *who && t.role == *role);
                on_duty && !self.of(role).is_empty()
            }
            Deed::Phone(on) => self.phone_off == *on,
            Deed::Ends => !self.phone_off,
        }
    }
}
