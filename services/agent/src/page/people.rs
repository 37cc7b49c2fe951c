//! What people are called on the page.

use std::collections::BTreeMap;

use telesphor_agent::Agent;
use telesphor_agent::views::{Me, TeamView};
use telesphor_clinical::text::shown;
use telesphor_wire::ids::IdentityId;

use crate::fault::Result;
use crate::shown::identity_short;

pub(super) struct People {
    pub(super) me: Me,
    /// Who acts here; nobody, where several people use the device and none is signed in.
    pub(super) signed_in: Option<String>,
    pub(super) teams: Vec<TeamView>,
    /// Contacts by their names, with the short names of the command line.
    names: BTreeMap<IdentityId, String>,
    aliases: BTreeMap<IdentityId, String>,
}

impl People {
    pub(super) async fn load(agent: &Agent) -> Result<Self> {
        let (mut names, mut aliases) = (BTreeMap::new(), BTreeMap::new());
        let teams = agent.teams().await?;
        for team in &teams {
            names.insert(team.patient, shown(&team.patient_name));
            names.insert(team.organisation, shown(&team.organisation_name));
        }
        for contact in agent.contacts().await? {
            aliases.insert(contact.id, contact.alias);
            if !contact.name.is_empty() {
                names.insert(contact.id, shown(&contact.name));
            }
        }
        let me = agent.me().await?;
        names.insert(me.id, shown(&me.name));
        let signed_in = match agent.present().await? {
            (false, _) => Some(shown(&me.name)),
            (true, present) => present.map(|p| shown(&p.name)),
        };
        Ok(Self {
            me,
            signed_in,
            teams,
            names,
            aliases,
        })
    }

    /// The name, or the beginning of the id.
    pub(super) fn name(&self, id: &IdentityId) -> String {
        self.names.get(id).cloned().unwrap_or_else(|| identity_short(id))
    }

    /// The short name of a contact.
    pub(super) fn alias(&self, id: &IdentityId) -> Option<&str> {
        self.aliases.get(id).map(String::as_str)
    }
}
