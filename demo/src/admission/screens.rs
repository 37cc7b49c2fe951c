//! What each party's screen shows: the real page of a profile, as a picture.

use std::path::{Path, PathBuf};

use crate::browser;
use crate::page::Page;
use crate::stage::{Person, StageError};
use crate::visitor::Visitor;

/// Takes pictures, and says where they lie.
pub(super) struct Screens {
    folder: PathBuf,
    scratch: PathBuf,
    taken: usize,
}

impl Screens {
    pub(super) fn new(folder: &Path) -> Result<Self, StageError> {
        let screens = Self {
            folder: folder.join("screens"),
            scratch: folder.join("browsers"),
            taken: 0,
        };
        std::fs::create_dir_all(&screens.folder)?;
        std::fs::create_dir_all(&screens.scratch)?;
        Ok(screens)
    }

    /// The page of somebody at an address; the words that must stand there are looked for.
    pub(super) fn take(
        &mut self,
        page: &mut Page,
        person: &Person,
        path: &str,
        must: &str,
    ) -> Result<(), StageError> {
        if browser::program().is_none() {
            page.fact(
                "Screen",
                "not taken: there is no chromium here (make setup installs it)",
            );
            return Ok(());
        }
        self.taken += 1;
        let name = format!("{:02}-{}.png", self.taken, person.profile);
        let file = self.folder.join(name);
        let mut visitor = Visitor::enter(person, &self.scratch)?;
        visitor.go(path)?;
        let words = visitor.words()?;
        visitor.browser.picture(&file)?;
        page.must(
            words.contains(must),
            "Screen",
            &format!("{}: \"{must}\"   {}", person.name, file.display()),
            &format!("the page of {} to say so", person.name),
        );
        Ok(())
    }
}
