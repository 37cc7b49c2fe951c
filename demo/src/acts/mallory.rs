//! Act 4: somebody who was given nothing tries.

use super::cast::Cast;
use crate::page::Page;
use crate::stolen;
use telesphor_agent::link::{self, Credential, LinkError, Pin, Session};
use telesphor_chaos::campaign::admit;
use telesphor_chaos::relay::Relay;
use telesphor_chaos::sender::{deposit, payload};
use telesphor_chaos::tenant::{Tenant, VALID_MS};
use telesphor_wire::answer::Answer;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::Event;
use telesphor_wire::sign::SigningKey;

/// Fetching, opening, replaying.
///
/// # Errors
/// Whatever kept it from being tried.
pub async fn play(
    page: &mut Page,
    cast: &Cast,
    relay: &Relay,
    targets: &[MailboxId],
    loot: &[(MailboxId, Event)],
) -> Result<(), Box<dyn std::error::Error>> {
    page.section("Mallory tries");
    let admission = admit(relay)?;
    let pin = Pin::of_link(&admission);
    let record = link::domain::fetch(&pin).await?;
    let relays: Vec<_> = record.record.relays.iter().map(|r| r.relay).collect();
    let (session, _pushes) = Session::open(&pin, &relays).await?;
    let mut refused = 0;
    for target in targets {
        let key = SigningKey::generate();
        let tries = [
            Credential::owner(*target, key.clone()),
            Credential::depositor(*target, key.clone()),
            Credential::member(*target, 0, 1, &key, SigningKey::generate()),
        ];
        for credential in tries {
            let answer = session.prove(credential).await;
            refused +=
                usize::from(matches!(answer, Err(LinkError::Refused(r)) if r.code == ErrorCode::Refused));
        }
    }
    page.must(
        refused == targets.len() * 3 && refused > 0,
        "Fetch",
        &format!(
            "refused   no key for any of {} mailboxes; an unknown one is answered alike",
            targets.len()
        ),
        "one answer, refused, to each attempt",
    );

    let agent = stolen::vault_of(&cast.mallory).await?;
    let opened = agent.try_keys(loot.to_vec()).await?;
    agent.close().await;
    page.must(
        opened == 0 && !loot.is_empty(),
        "Open",
        &format!(
            "failed    not a reader of any of {} stolen ciphertexts",
            loot.len()
        ),
        "none opens",
    );

    let mut tenant = Tenant::enrol(&admission, 1).await?;
    let (session, _pushes) = tenant.session().await?;
    let mailbox = tenant.open(&session).await?;
    let standing = session
        .prove(Credential::depositor(mailbox.id, mailbox.deposit.clone()))
        .await?;
    let command = deposit(&mailbox, payload(512), session.facts().clock + VALID_MS);
    let first = session.call(standing.handle, command.clone()).await?.answer;
    let again = session.call(standing.handle, command).await?.answer;
    let (place, same) = match (&first, &again) {
        (Answer::Durable(a), Answer::Durable(b)) => (a.leaf.seq, a.leaf == b.leaf),
        _ => (0, false),
    };
    page.must(
        same,
        "Send again",
        &format!("harmless  already at position {place}, nothing new was written"),
        "the receipt of the first time",
    );
    Ok(())
}
