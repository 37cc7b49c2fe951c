//! What people and authorities are called here.

use std::collections::BTreeMap;
use telesphor_agent::Agent;
use telesphor_wire::ids::IdentityId;

use crate::fault::Result;
use crate::shown::identity_short;

pub(super) struct Names(BTreeMap<IdentityId, String>);

impl Names {
    pub(super) async fn load(agent: &Agent) -> Result<Self> {
        let mut names = BTreeMap::new();
        for authority in agent.trusted().await? {
            names.insert(authority.authority, authority.name);
        }
        for contact in agent.contacts().await? {
            names.insert(contact.id, contact.alias);
        }
        names.insert(agent.me().await?.id, "me".to_owned());
        Ok(Self(names))
    }

    /// The name, or the beginning of the id.
    pub(super) fn of(&self, id: &IdentityId) -> String {
        self.0.get(id).cloned().unwrap_or_else(|| identity_short(id))
    }
}
