//! Opening the profile that a call is about.

use jiff::Timestamp;
use std::path::PathBuf;
use std::time::Duration;
use telesphor_agent::{Agent, Key};
use telesphor_vault::{VaultPaths, end_session};
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

    async fn open_any(&self, online: bool) -> Result<Agent> {
        let folder = self.folder();
        if !VaultPaths::in_folder(&folder).exists() {
            return Err(Fault::of(ErrorCode::NoProfile)
                .with(self.profile.clone())
                .then("telesphor identity new \"Your Name\" --admission LINK"));
        }
        let outer = self.home.session(&self.profile)?;
        if outer.exists() {
            match Agent::open_with(&folder, Key::Session(outer), online).await {
                Err(error) if error.code == ErrorCode::VaultLocked => {}
                other => return other.map_err(Into::into),
            }
        }
        let passphrase = self.asking().passphrase(&self.profile)?;
        Ok(Agent::open_with(&folder, Key::Passphrase(passphrase), online).await?)
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
    let paths = VaultPaths::in_folder(&here.folder());
    end_session(&paths.session(), &here.home.session(&here.profile)?)?;
    here.out.words(&format!(
        "{} is locked: the passphrase is asked for from now on",
        here.profile
    ));
    Ok(Exit::Done)
}

/// `unlock`.
pub(super) async fn unlock(here: &Here<'_>, duration: Duration) -> Result<Exit> {
    let folder = here.folder();
    if !VaultPaths::in_folder(&folder).exists() {
        return Err(Fault::of(ErrorCode::NoProfile).with(here.profile.clone()));
    }
    let passphrase = here.asking().passphrase(&here.profile)?;
    let agent = Agent::open_with(&folder, Key::Passphrase(passphrase), false).await?;
    let not_after = here
        .now_ms()
        .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
    agent
        .begin_session(&here.home.session(&here.profile)?, not_after)
        .await?;
    agent.close().await;
    here.out.words(&format!(
        "{} is unlocked until {}",
        here.profile,
        here.out.exactly(not_after)
    ));
    Ok(Exit::Done)
}
