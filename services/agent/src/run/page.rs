//! `page`: serves the local page until it is stopped.

use std::sync::Arc;

use telesphor_vault::{VaultPaths, end_session, session_lasts};

use super::running::stop_after;
use super::session::{Here, unlock};
use crate::args;
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::{Form, Row};
use crate::page::{Keeper, Page, languages, speak};

/// `page`. It has the profile by a session only, so that `lock` shuts it too.
pub(super) async fn page(here: &Here<'_>, args: &args::Page) -> Result<Exit> {
    if !speak(&args.language) {
        let known = languages().join(", ");
        return Err(Fault::usage(format!(
            "no such language: {}. There are: {known}",
            args.language
        )));
    }
    let (folder, outer) = (here.folder(), here.home.session(&here.profile)?);
    let inner = VaultPaths::in_folder(&folder).session();
    let begun_here = !session_lasts(&inner, &outer, here.now_ms());
    if begun_here {
        unlock(here, args.duration)?;
    }
    let keeper = Arc::new(Keeper::new(&folder, outer.clone(), args.idle));
    // What keeps it from being opened is said here, not in a browser.
    drop(keeper.agent().await?);
    let page = Page::open(args.port, keeper).await?;
    let link = page.link();
    match here.out.form {
        Form::Json => here.out.one(&Row::new().text("link", "LINK", &link))?,
        Form::Person | Form::Plain => here.out.data(&link)?,
    }
    here.out.words(
        "Open it in a browser of this machine, within 10 minutes; it works once. Ctrl-C ends the page.",
    );
    page.serve(stop_after(None)).await;
    if begun_here {
        end_session(&inner, &outer)?;
        here.out.words(&format!("{} is locked again", here.profile));
    }
    Ok(Exit::Done)
}
