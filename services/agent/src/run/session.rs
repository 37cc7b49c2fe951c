//! Opening the profile that a call is about.

use jiff::Timestamp;
use std::path::PathBuf;
use std::time::Duration;
use telesphor_agent::{Agent, Key};
use telesphor_vault::{KeyFile, Unlock, Vault, VaultPaths, end_session, session_lasts};
use telesphor_wire::error::ErrorCode;

use crate::args::Global;
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::home::Home;
use crate::out::{Out, Progress};
use crate::secret::Asking;

/// How long a command waits for the relay if it was not said.
const WAIT: Duration = Duration::from_secs(20);

/// A call's surroundings: which profile, how to ask, how long to wait.
pub(super) struct Here<'a> {
    pub(super) out: &'a Out,
    pub(super) global: &'a Global,
    pub(super) home: Home,
    pub(super) profile: String,
    /// A key file that opens the profile, if one was named.
    key_file: Option<PathBuf>,
}

impl<'a> Here<'a> {
    pub(super) fn new(out: &'a Out, global: &'a Global) -> Result<Self> {
        let home = Home::find()?;
        let profile = home.choose(global.profile.as_deref())?;
        Ok(Self {
            out,
            global,
            home,
            profile,
            key_file: global.key_file.clone(),
        })
    }

    /// Another profile of this user, on this machine.
    pub(super) fn beside(&self, profile: &str) -> Result<Self> {
        Ok(Self {
            out: self.out,
            global: self.global,
            home: Home::find()?,
            profile: self.home.choose(Some(profile))?,
            key_file: None,
        })
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.home.folder(&self.profile)
    }

    pub(super) fn wait(&self) -> Duration {
        self.global.wait.unwrap_or(WAIT)
    }

    pub(super) fn asking(&self) -> Asking<'_> {
        Asking {
            file: self.global.passphrase_file.as_deref(),
            no_input: self.global.no_input,
        }
    }

    pub(super) fn now_ms(&self) -> u64 {
        u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0)
    }

    /// A time to come, said back exactly.
    pub(super) fn until(&self, text: &str) -> Result<u64> {
        let when = crate::dates::until(text, self.out.now, &self.out.zone)?;
        self.out.words(&format!("until {}", when.exactly()));
        Ok(when.ms())
    }

    /// Opens the profile: with the session if there is one, else with the passphrase.
    ///
    /// A device that was removed can still be read, and does nothing more.
    pub(super) async fn open(&self, online: bool) -> Result<Agent> {
        let agent = self.open_any(online).await?;
        if online && agent.status().await?.ended {
            agent.close().await;
            return Err(Fault::of(ErrorCode::EndpointEnded));
        }
        Ok(agent)
    }

    fn refuse_missing(&self) -> Result<()> {
        match VaultPaths::in_folder(&self.folder()).exists() {
            true => Ok(()),
            false => Err(Fault::of(ErrorCode::NoProfile)
                .with(self.profile.clone())
                .then("telesphor identity new \"Your Name\" --admission LINK")),
        }
    }

    /// What opens the profile where no session does: the key file that was named, else the
    /// passphrase.
    fn key(&self) -> Result<Key> {
        match &self.key_file {
            Some(file) => {
                let line = crate::secret::from_file(file)?;
                let key = KeyFile::from_text(&line)
                    .map_err(|e| Fault::of(e.code()).with(file.display().to_string()))?;
                Ok(Key::KeyFile(key))
            }
            None => Ok(Key::Passphrase(self.asking().passphrase(&self.profile)?)),
        }
    }

    /// Begins a session until an instant (Unix milliseconds); the store is not opened, so nobody has
    /// to let go of it.
    fn begin_session(&self, not_after: u64) -> Result<()> {
        self.refuse_missing()?;
        let (paths, outer) = (
            VaultPaths::in_folder(&self.folder()),
            self.home.session(&self.profile)?,
        );
        let key = self.key()?;
        let unlock = match &key {
            Key::Passphrase(passphrase) => Unlock::Passphrase(passphrase),
            Key::KeyFile(file) => Unlock::KeyFile(file),
            Key::Session(_) => return Err(Fault::of(ErrorCode::VaultLocked)),
        };
        Vault::begin_session_at(&paths, unlock, &outer, not_after).map_err(|e| Fault::of(e.code()))?;
        self.home.forget_who(&self.profile)
    }

    /// Opens the profile by its session, offline; begins one if there is none.
    pub(super) async fn open_session(&self, not_after: u64) -> Result<Agent> {
        let paths = VaultPaths::in_folder(&self.folder());
        let outer = self.home.session(&self.profile)?;
        if !session_lasts(&paths.session(), &outer, self.now_ms()) {
            self.begin_session(not_after)?;
        }
        Ok(Agent::open_with(&self.folder(), Key::Session(outer), false).await?)
    }

    async fn open_any(&self, online: bool) -> Result<Agent> {
        let agent = self.open_quietly(online).await?;
        // Who is signed in is always said where several people use a device.
        if let (true, present) = agent.present().await? {
            self.out.words(&match present {
                Some(present) => super::ward::in_words(self.out, &present),
                None => "nobody is signed in".to_owned(),
            });
        }
        Ok(agent)
    }

    async fn open_quietly(&self, online: bool) -> Result<Agent> {
        let folder = self.folder();
        self.refuse_missing()?;
        let outer = self.home.session(&self.profile)?;
        if outer.exists() {
            match Agent::open_with(&folder, Key::Session(outer), online).await {
                Err(error) if error.code == ErrorCode::VaultLocked => {}
                other => return other.map_err(Into::into),
            }
        }
        Ok(Agent::open_with(&folder, self.key()?, online).await?)
    }

    /// Opens the profile online and fetches what came, within the time. If the relay does not
    /// answer, what is here is still good: the second value says why it is not the newest.
    pub(super) async fn open_fresh(&self) -> Result<(Agent, Option<Fault>)> {
        let agent = self.open_any(true).await?;
        if agent.status().await?.ended {
            return Ok((agent, Some(Fault::of(ErrorCode::EndpointEnded))));
        }
        if self.wait().is_zero() {
            return Ok((agent, None));
        }
        let progress = Progress::start(self.out, "fetching");
        let settled = agent.settle(self.wait()).await;
        drop(progress);
        Ok((agent, settled.err().map(Fault::from)))
    }

    /// With all that has come to home, as far as home is there. What still waits for another
    /// hospital is not waited for: somebody stands at the counter.
    pub(super) async fn open_fetched(&self) -> Result<Agent> {
        let agent = self.open_any(true).await?;
        if agent.status().await?.ended || self.wait().is_zero() {
            return Ok(agent);
        }
        let progress = Progress::start(self.out, "fetching");
        let _ = agent.fetched(self.wait()).await;
        drop(progress);
        Ok(agent)
    }

    /// What a list ends with: done, or the reason why it may not be the newest.
    pub(super) async fn finish(&self, agent: Agent, stale: Option<Fault>) -> Result<Exit> {
        let last = agent.status().await.ok().and_then(|s| s.last_sync);
        agent.close().await;
        let Some(fault) = stale else { return Ok(Exit::Done) };
        if let Some(last) = last {
            self.out
                .hint(&format!("this is as of {}", self.out.exactly(last)));
        }
        self.out.fault(&fault);
        Ok(fault.exit())
    }

    /// Lets what a command has put into the outbox go out, without failing if it does not yet.
    pub(super) async fn let_go(&self, agent: Agent) {
        const BRIEFLY: Duration = Duration::from_secs(5);
        let _ = agent.settle(self.wait().min(BRIEFLY)).await;
        agent.close().await;
    }
}

/// `lock`: needs no key.
pub(super) fn lock(here: &Here<'_>) -> Result<Exit> {
    lock_one(here.out, &here.home, &here.profile)?;
    Ok(Exit::Done)
}

/// `lock --all`: needs no profile.
pub(super) fn lock_all(out: &Out) -> Result<Exit> {
    let home = Home::find()?;
    for profile in home.profiles() {
        lock_one(out, &home, &profile)?;
    }
    Ok(Exit::Done)
}

fn lock_one(out: &Out, home: &Home, profile: &str) -> Result<()> {
    let paths = VaultPaths::in_folder(&home.folder(profile));
    end_session(&paths.session(), &home.session(profile)?)?;
    home.forget_who(profile)?;
    out.words(&format!("{profile} is locked: its key is asked for from now on"));
    Ok(())
}

/// `unlock`.
pub(super) fn unlock(here: &Here<'_>, duration: Duration) -> Result<Exit> {
    let not_after = here
        .now_ms()
        .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
    here.begin_session(not_after)?;
    here.out.words(&format!(
        "{} is unlocked until {}",
        here.profile,
        here.out.exactly(not_after)
    ));
    Ok(Exit::Done)
}
