//! `team ...`, and `share` and `revoke` for a role.

use std::time::Duration;

use telesphor_clinical::scope::Scopes;
use telesphor_sealing::GroupSession;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{IdentityId, MailboxId};

use super::record::Standing;
use super::roster::Turn;
use super::show;
use crate::api::Agent;
use crate::core::shared::clock;
use crate::documents::keep::all_kept;
use crate::documents::show::People;
use crate::documents::write::Draft;
use crate::error::{Error, Result};
use crate::sharing::give::chosen;
use crate::views::{Discharged, DocumentView, Revoked, RosterView, SharePlan, TeamView};

/// What a role of an organisation is to be shown.
#[derive(Clone, Debug)]
pub struct TeamRequest {
    /// The organisation: a contact, as a command line names it.
    pub organisation: String,
    /// The role, as the organisation's roster writes it.
    pub role: String,
    /// Every own document that the rule of scopes lets through.
    pub scopes: Scopes,
    /// Until when, Unix milliseconds; `None`: until it is revoked.
    pub until: Option<u64>,
    /// What for, in words.
    pub why: String,
    /// The organisation has not been compared, and that is known.
    pub although_unverified: bool,
}

impl Agent {
    /// Publishes the next edition of this organisation's roster: the turns of one place are
    /// replaced by these, those of other places stay. Good until an instant (Unix milliseconds).
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown person, [`ErrorCode::NotForwardable`] for one at another
    /// hospital, [`ErrorCode::Usage`] for a turn that ends before it begins.
    pub async fn publish_roster(&self, place: &str, until: u64, turns: Vec<Turn>) -> Result<RosterView> {
        let place = place.to_owned();
        self.shared
            .change(move |core| {
                let profile = core.profile.clone();
                core.write(|ctx| {
                    let signed = ctx.publish_roster(&place, until, &turns)?;
                    Ok(show::roster(&People::load(ctx.tx, &profile)?, &signed))
                })
            })
            .await
    }

    /// The newest edition of every roster known here.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn rosters(&self) -> Result<Vec<RosterView>> {
        self.look(show::rosters).await
    }

    /// Waits until an edition of an organisation's roster is here.
    ///
    /// # Errors
    /// [`ErrorCode::NotYetDurable`] after `wait`.
    pub async fn wait_roster(&self, organisation: IdentityId, edition: u64, wait: Duration) -> Result<()> {
        self.wait_for(wait, move |core| {
            let snapshot = core.read()?;
            let all = super::roster::all_rosters(&snapshot)?;
            let here = all.iter().map(|s| &s.roster);
            let mut here = here.filter(|r| r.organisation == organisation && r.edition >= edition);
            Ok(here.next().map(|_| ()))
        })
        .await
    }

    /// What a request would show, hold back and leave out, before anything is done.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an unknown organisation, or one whose roster is not known.
    pub async fn plan_team(&self, request: &TeamRequest) -> Result<(SharePlan, RosterView)> {
        let request = request.clone();
        self.look(move |snapshot, profile| {
            let who = crate::contacts::show::find(snapshot, &request.organisation)?;
            let id = who.contact.record.identity;
            let rosters = show::rosters(snapshot, profile)?;
            let roster = rosters.into_iter().find(|r| r.organisation == id);
            let roster = roster.ok_or(Error::of(ErrorCode::NotFound))?;
            let people = People::load(snapshot, profile)?;
            let sorted = chosen(all_kept(snapshot)?, &people, &request.scopes, &[]);
            Ok((crate::api::share_plan(snapshot, &people, &sorted)?, roster))
        })
        .await
    }

    /// Grants scopes to a role. Whoever is on duty comes in by the roster, from now until the
    /// end, without anything more being done here.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if there is nothing to show, or no roster of the organisation;
    /// [`ErrorCode::Unverified`] if it was not compared.
    pub async fn share_team(&self, request: TeamRequest) -> Result<TeamView> {
        let mailbox = self
            .shared
            .change(move |core| core.write(|ctx| ctx.share_team(&request)))
            .await?;
        let views = self.teams().await?;
        let mut here = views.into_iter().filter(|t| t.mailbox == mailbox);
        here.next().ok_or(Error::fault("team"))
    }

    /// Ends what a role was granted: all of it, or what lies in these scopes. An empty role means
    /// every role of the organisation. The relay serves it no more.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if there is no such grant.
    pub async fn revoke_team(&self, organisation: &str, role: &str, scopes: Scopes) -> Result<Revoked> {
        let (organisation, role) = (organisation.to_owned(), role.to_owned());
        self.shared
            .change(move |core| core.write(|ctx| ctx.revoke_team(&organisation, &role, &scopes)))
            .await
    }

    /// Discharges a patient of this organisation: everything that he granted to its roles ends,
    /// without anything being done by him.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if he has granted nothing that still runs.
    pub async fn discharge(&self, patient: &str, why: Option<String>) -> Result<Discharged> {
        let patient = patient.to_owned();
        self.shared
            .change(move |core| core.write(|ctx| ctx.discharge(&patient, why.as_deref())))
            .await
    }

    /// The teams that this person owns, sits in or is called to.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn teams(&self) -> Result<Vec<TeamView>> {
        self.look(|snapshot, profile| show::teams(snapshot, profile, clock()))
            .await
    }

    /// One team, by the beginning of its id or of the patient's name.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::Ambiguous`].
    pub async fn team(&self, what: &str) -> Result<TeamView> {
        show::find(self.teams().await?, what)
    }

    /// Waits until exactly these people sit in a team beside this one.
    ///
    /// # Errors
    /// [`ErrorCode::NotYetDurable`] after `wait`.
    pub async fn wait_team(
        &self,
        mailbox: MailboxId,
        mut people: Vec<IdentityId>,
        wait: Duration,
    ) -> Result<()> {
        people.sort_unstable();
        self.wait_for(wait, move |core| {
            let seats = core.look_group(&core.read()?, &mailbox, GroupSession::members)?;
            let seats = seats.transpose()?.unwrap_or_default();
            let there = show::beside(seats, &core.profile.identity);
            Ok((there == people).then_some(()))
        })
        .await
    }

    /// Writes a document into a team: its members and the patient get it, and it stays the
    /// writer's own whatever becomes of the team.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] if this person does not sit there.
    pub async fn write_in_team(&self, what: &str, draft: Draft) -> Result<DocumentView> {
        let team = self.team(what).await?;
        let id = self
            .shared
            .change(move |core| {
                core.write(|ctx| {
                    let known = ctx.team(&team.mailbox)?;
                    let sits =
                        known.is_some_and(|k| matches!(k.team.standing, Standing::Own | Standing::Sitting));
                    if !sits {
                        return Err(ErrorCode::NotFound.into());
                    }
                    let (id, _) = ctx.write_document(draft)?;
                    ctx.team_write(&team.mailbox, id)?;
                    Ok(id)
                })
            })
            .await?;
        self.document(&id.to_string()).await
    }
}
