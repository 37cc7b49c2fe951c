//! `invite`, `accept`, `contacts`.

use telesphor_agent::views::{ContactState, ContactView};

use super::session::Here;
use crate::args::{self, ContactsAct};
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::{Progress, Row, picture, qr};
use crate::shown;

/// `invite`.
pub(super) async fn invite(here: &Here<'_>, args: &args::Invite) -> Result<Exit> {
    if let Some(file) = &args.qr_file {
        // Before the link is made: it works once.
        super::identity::refuse_existing(file)?;
        picture("", file)?;
    }
    let expires = here.until(&args.expires)?;
    let lasting = std::time::Duration::from_millis(expires.saturating_sub(here.now_ms()));
    let agent = here.open(true).await?;
    let progress = Progress::start(here.out, "putting the invitation up");
    let invited = agent.invite(&args.whom, lasting, here.wait()).await;
    drop(progress);
    let invitation =
        invited.map_err(|error| Fault::from(error).then("telesphor sync, then the invitation stands"))?;
    here.out.one(
        &Row::new()
            .text("link", "LINK", &invitation.link)
            .text("for", "FOR", &invitation.meant_for)
            .instant(
                "expires",
                "EXPIRES",
                Some(invitation.expires),
                &here.out.exactly(invitation.expires),
            ),
    )?;
    if args.qr
        && let Some(drawn) = qr(&invitation.link)
    {
        here.out.data(&drawn)?;
    }
    if let Some(file) = &args.qr_file {
        super::identity::write_new(file, &picture(&invitation.link, file)?)?;
    }
    here.out.hint(
        "Whoever opens this link first becomes the contact, once. Then compare the words: telesphor contacts",
    );
    agent.close().await;
    Ok(Exit::Done)
}

/// `accept`.
pub(super) async fn accept(here: &Here<'_>, args: &args::Accept) -> Result<Exit> {
    let link = if args.link == "-" {
        super::input::text(std::path::Path::new("-"))?.trim().to_owned()
    } else {
        args.link.clone()
    };
    let agent = here.open(true).await?;
    let progress = Progress::start(here.out, "answering the invitation");
    let accepted = agent
        .accept(&link, args.call.as_deref().unwrap_or(""), here.wait())
        .await;
    drop(progress);
    let contact = accepted?;
    here.out.one(&shown::contact(here.out, &contact))?;
    compare(here, &contact);
    here.let_go(agent).await;
    Ok(Exit::Done)
}

fn compare(here: &Here<'_>, contact: &ContactView) {
    if contact.state == ContactState::Unverified {
        here.out.hint(&format!(
            "Compare the words by voice or face to face: both sides see the same. If they agree: telesphor contacts confirm {}",
            contact.alias
        ));
    }
}

/// `contacts`.
pub(super) async fn contacts(here: &Here<'_>, act: Option<&ContactsAct>) -> Result<Exit> {
    match act {
        None | Some(ContactsAct::List) => {
            let (agent, stale) = here.open_fresh().await?;
            let contacts = agent.contacts().await?;
            let rows: Vec<Row> = contacts.iter().map(|c| shown::contact(here.out, c)).collect();
            here.out.list(
                &rows,
                "no contact yet: telesphor invite --for \"my GP\", or telesphor accept LINK",
            )?;
            here.finish(agent, stale).await
        }
        Some(ContactsAct::Show(args)) => {
            let agent = here.open(false).await?;
            let contact = agent.contact(&args.who).await?;
            here.out.one(&shown::contact(here.out, &contact))?;
            compare(here, &contact);
            agent.close().await;
            Ok(Exit::Done)
        }
        Some(ContactsAct::Confirm(args)) => {
            let agent = here.open(true).await?;
            let contact = agent.confirm_contact(&args.who).await?;
            here.out.one(&shown::contact(here.out, &contact))?;
            here.let_go(agent).await;
            Ok(Exit::Done)
        }
        Some(ContactsAct::Remove(args)) => {
            let agent = here.open(true).await?;
            let contact = agent.contact(&args.who).await?;
            agent.remove_contact(&args.who).await?;
            here.out.words(&format!(
                "{} is removed: nothing is sent there any more, and nothing from there is taken",
                contact.alias
            ));
            here.let_go(agent).await;
            Ok(Exit::Done)
        }
    }
}
