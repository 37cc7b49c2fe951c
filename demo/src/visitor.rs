//! Somebody at the real page of a profile, in a real browser.

use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::Child;

use crate::browser::Browser;
use crate::stage::{Person, StageError};

/// A page that is served, and the window that shows it.
pub struct Visitor {
    page: Child,
    /// The window.
    pub browser: Browser,
    /// The address under which everything is shown.
    pub room: String,
}

impl Visitor {
    /// Starts the page of a profile and opens its link. `folder` takes the browser's own files.
    ///
    /// # Errors
    /// If the page or the browser does not start.
    pub fn enter(person: &Person, folder: &Path) -> Result<Self, StageError> {
        let mut page = person.spawn(&["page"])?;
        let mut link = String::new();
        if let Some(out) = page.stdout.take() {
            BufReader::new(out).read_line(&mut link)?;
        }
        let mut visitor = Self {
            browser: Browser::start(&folder.join(format!("browser-{}", person.profile)))?,
            room: String::new(),
            page,
        };
        visitor.browser.look(1100, false)?;
        visitor.browser.go(link.trim())?;
        visitor.room = visitor.browser.text("location.href")?;
        Ok(visitor)
    }

    /// Goes to one of its pages.
    ///
    /// # Errors
    /// If the browser is gone.
    pub fn go(&mut self, path: &str) -> io::Result<()> {
        self.browser.go(&format!("{}{path}", self.room))
    }

    /// The words that are shown.
    ///
    /// # Errors
    /// If the browser is gone.
    pub fn words(&mut self) -> io::Result<String> {
        let text = self.browser.text("document.body.innerText")?;
        Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        // Its profile is free again for the next command.
        let _ = self.page.kill();
        let _ = self.page.wait();
    }
}
