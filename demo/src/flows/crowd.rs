//! A hundred people for a sum: agents of this program, each with a vault, an identity and a connection
//! of their own. The command line would ask the same of the same library, a hundred passphrases later.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use telesphor_agent::{Agent, Draft, NewProfile, Passphrase, PassphraseCost};
use telesphor_chaos::relay::Relay;
use telesphor_clinical::document::FHIR_JSON;
use telesphor_clinical::header::DocumentKind;
use telesphor_vault::{OpenOptions, Records, Table, Unlock, Vault, VaultPaths};
use telesphor_wire::domain::AdmissionLink;
use telesphor_wire::ids::{DocumentId, IdentityId};

use crate::stage::{StageError, text};

const PATIENCE: Duration = Duration::from_secs(60);
/// Of those who are set up at the same time.
const AT_ONCE: usize = 8;
/// Cheap to unlock: what is in these vaults was invented.
const PASSPHRASE: &str = "a long passphrase of somebody invented";

/// Somebody invented.
pub(super) struct Somebody {
    pub(super) woman: bool,
    /// What the record says, as it stands there: of four decimals, so that it is found wherever it lies.
    pub(super) value: String,
    pub(super) id: IdentityId,
    folder: PathBuf,
    documents: Vec<DocumentId>,
}

/// What everybody needs to take part.
pub(super) struct Call<'a> {
    /// Of two hospitals: people of either.
    pub(super) relays: [&'a Relay; 2],
    pub(super) folder: &'a Path,
    /// The authority's card.
    pub(super) card: Vec<u8>,
    /// The published study.
    pub(super) study: Vec<u8>,
}

fn wrong(what: &str) -> impl Fn(telesphor_agent::Error) -> StageError {
    move |error| StageError::Answer {
        field: error.to_string(),
        what: what.to_owned(),
    }
}

/// Women have lower values here, so that a model has something to learn.
fn nth(n: usize) -> (bool, String) {
    let woman = n.is_multiple_of(2);
    let base = if woman { 60_000 } else { 80_000 };
    let value = base + 1_000 * (n % 5) + 7 * n + 13;
    (woman, format!("{}.{:04}", value / 10_000, value % 10_000))
}

impl Call<'_> {
    /// So many people take part: from one number to before another.
    pub(super) async fn join(&self, from: usize, to: usize) -> Result<Vec<Somebody>, StageError> {
        let uses = (to - from).to_string();
        let admits = |relay: &Relay| {
            let admitted = relay.json(&["admit", "new", "--class", "patient", "--uses", &uses])?;
            let link = text(std::slice::from_ref(&admitted), "link", "admit new")?;
            AdmissionLink::from_text(link).map_err(|e| StageError::Answer {
                field: e.to_string(),
                what: "admit new".to_owned(),
            })
        };
        let [here, there] = [admits(self.relays[0])?, admits(self.relays[1])?];
        // Women and men of both.
        let link = |n: usize| if n % 4 < 2 { &here } else { &there };
        stream::iter((from..to).map(|n| self.one(n, link(n))))
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    async fn one(&self, n: usize, link: &AdmissionLink) -> Result<Somebody, StageError> {
        let (woman, value) = nth(n);
        let name = format!("invented-{n:03}");
        let folder = self.folder.join(&name);
        std::fs::create_dir_all(&folder)?;
        let new = NewProfile {
            cost: PassphraseCost::least(),
            ..NewProfile::person(&name)
        };
        let passphrase = Passphrase::new(PASSPHRASE.to_owned());
        let made = Agent::create(&folder, &passphrase, new, link, PATIENCE)
            .await
            .map_err(wrong("identity new"))?;
        made.ready.map_err(wrong("identity new"))?;
        let agent = made.agent;
        let id = agent.me().await.map_err(wrong("identity show"))?.id;
        let resource = |body: String| {
            let mut draft = Draft::new(DocumentKind::Resource, FHIR_JSON, "own", body.into_bytes());
            draft.subject = Some(id);
            draft
        };
        let record = vec![resource(person(woman)), resource(observation(&value))];
        let kept = agent.add(record).await.map_err(wrong("add"))?;
        agent
            .trust(&self.card, "Medical board", "licensed-researcher")
            .await
            .map_err(wrong("trust add"))?;
        let study = agent.study_take(&self.study).await.map_err(wrong("study join"))?;
        agent
            .study_join(&study.to_string())
            .await
            .map_err(wrong("study join"))?;
        agent.settle(PATIENCE).await.map_err(wrong("sync"))?;
        agent.close().await;
        Ok(Somebody {
            woman,
            value,
            id,
            folder,
            documents: kept.iter().map(|d| d.id).collect(),
        })
    }
}

fn person(woman: bool) -> String {
    let sex = if woman { "female" } else { "male" };
    format!(r#"{{"resourceType":"Patient","gender":"{sex}","birthDate":"1980-05-17"}}"#)
}

fn observation(value: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"4548-4","display":"Hemoglobin A1c"}}]}},"effectiveDateTime":"2026-09-02","valueQuantity":{{"value":{value},"unit":"%"}}}}"#
    )
}

impl Somebody {
    /// Everything in this vault, opened.
    pub(super) fn opened(&self) -> Result<Vec<Vec<u8>>, StageError> {
        opened(&self.folder, PASSPHRASE, &self.documents)
    }
}

/// Every named record of a vault, opened with its owner's passphrase, and the bodies of documents.
pub(super) fn opened(
    folder: &Path,
    passphrase: &str,
    documents: &[DocumentId],
) -> Result<Vec<Vec<u8>>, StageError> {
    let wrong = |e: telesphor_vault::VaultError| StageError::Answer {
        field: e.to_string(),
        what: folder.display().to_string(),
    };
    let paths = VaultPaths::in_folder(folder);
    let vault = Vault::open(&paths, Unlock::Passphrase(passphrase), OpenOptions::default()).map_err(wrong)?;
    let snapshot = vault.read().map_err(wrong)?;
    let mut all = Vec::new();
    for table in Table::ALL {
        for (name, value) in snapshot.scan(*table).map_err(wrong)? {
            all.push([&name[..], &value[..]].concat());
        }
    }
    for document in documents {
        let body = snapshot.body(document).map_err(wrong)?;
        all.extend(body.map(|body| body.to_vec()));
    }
    Ok(all)
}
