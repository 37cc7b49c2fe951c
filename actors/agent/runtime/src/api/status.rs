//! `status`, `check`, and waiting until all is quiet.

use std::time::Duration;

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_vault::{Records, Snapshot, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::mailbox::Cursor;

use super::agent::Agent;
use crate::core::Core;
use crate::core::index::Slot;
use crate::core::records::Held;
use crate::error::Result;
use crate::mailbox::open::may_draw;
use crate::people;
use crate::recovery::backup::BACKUP_USE;
use crate::views::{Finding, MailboxView, Status};

impl Agent {
    /// How things stand.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn status(&self) -> Result<Status> {
        self.shared
            .work(|core| {
                let index = &core.index;
                Ok(Status {
                    connected: index.connected,
                    last_failure: index.last_failure,
                    outbox: index.to_do(),
                    mailboxes: index.followed.len(),
                    behind: index.behind(),
                    last_sync: index.last_sync,
                    clock_difference: index.clock_difference,
                    kit_tested: core.profile.kit_tested,
                    kit_due: core.profile.kit_due,
                    ended: core
                        .profile
                        .refused
                        .as_ref()
                        .is_some_and(|r| r.code == ErrorCode::EndpointEnded),
                    endpoints: live_endpoints(core)?,
                })
            })
            .await
    }

    /// Waits until the outbox is empty and everything that was durable when this was called has
    /// been read.
    ///
    /// # Errors
    /// [`ErrorCode::NotYetDurable`] or [`ErrorCode::Unreachable`] after `wait`; what waits goes
    /// on by itself.
    pub async fn settle(&self, wait: Duration) -> Result<()> {
        const ROUNDS: usize = 8;
        let until = std::time::Instant::now() + wait;
        for _ in 0..ROUNDS {
            let left = until.saturating_duration_since(std::time::Instant::now());
            self.settle_once(left, |_| false).await?;
            // What came may oblige this device to something, for those who stand in for somebody.
            if !self.shared.change(Core::bring_mandates_in_line).await? {
                break;
            }
        }
        Ok(())
    }

    /// As [`Agent::settle`], without waiting for other hospitals: what came to home is here.
    ///
    /// # Errors
    /// As [`Agent::settle`].
    pub async fn fetched(&self, wait: Duration) -> Result<()> {
        self.settle_once(wait, |slot| slot.passed).await
    }

    async fn settle_once(&self, wait: Duration, aside: fn(&Slot) -> bool) -> Result<()> {
        let asked = self
            .shared
            .change(|core| {
                core.index.fence_wanted += 1;
                // What would be said by and by is said now.
                core.index.papers_wanted += 1;
                Ok(core.index.fence_wanted)
            })
            .await?;
        let quiet = self.quiet(wait, asked, aside).await;
        let done = self.shared.work(|core| {
            core.index.papers_wanted = core.index.papers_wanted.saturating_sub(1);
            Ok(())
        });
        done.await?;
        quiet
    }

    async fn quiet(&self, wait: Duration, asked: u64, aside: fn(&Slot) -> bool) -> Result<()> {
        self.wait_for(wait, move |core| {
            let index = &core.index;
            // A team that waits to be brought in line is work under way.
            let still = index.is_sent(aside) && index.lines.is_empty() && index.papers.is_empty();
            let quiet = index.connected && still && index.behind() == 0;
            Ok((quiet && index.fence_reached >= asked).then_some(()))
        })
        .await
    }

    /// Waits until a session with the relay is open.
    ///
    /// # Errors
    /// The last failure after `wait`.
    pub async fn connected(&self, wait: Duration) -> Result<()> {
        self.wait_for(wait, |core| Ok(core.index.connected.then_some(())))
            .await
    }

    /// The mailboxes this endpoint reads.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn mailboxes(&self) -> Result<Vec<MailboxView>> {
        self.look(|snapshot, _| {
            let mut all = Vec::new();
            for (_, bytes) in snapshot.scan(Table::Mailboxes)? {
                let Ok(held) = telesphor_wire::canonical::decode::<Held>(&bytes) else {
                    continue;
                };
                let cursor: Option<Cursor> = snapshot.get_value(Table::Cursors, &held.id.0)?;
                all.push(MailboxView {
                    id: held.id,
                    purpose: purpose(held.used),
                    seq: cursor.map_or(0, |c| c.seq),
                    epoch: held.epoch,
                });
            }
            Ok(all)
        })
        .await
    }

    /// Looks for what is wrong and says the next step.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn check(&self) -> Result<Vec<Finding>> {
        let status = self.status().await?;
        let (waiting, troubles, may_draw) = self
            .shared
            .work(|core| {
                let snapshot = core.read()?;
                let may_draw = may_draw(&snapshot, (core.clock)())?;
                Ok((core.index.waiting_support(), troubles(&snapshot)?, may_draw))
            })
            .await?;
        let mut findings = Vec::new();
        let mut find = |code: ErrorCode, next: &str| {
            findings.push(Finding {
                code,
                support: (code == ErrorCode::NotYetDurable).then_some(waiting).flatten(),
                next: next.to_owned(),
            });
        };
        if status.ended {
            find(ErrorCode::EndpointEnded, ErrorCode::EndpointEnded.words());
            return Ok(findings);
        }
        if status.kit_due {
            find(
                ErrorCode::NewKitDue,
                "a removed device knew where backups go; nothing is backed up before there is a new kit: `telesphor identity rotate --kit FILE`",
            );
        }
        if let Some(code) = status.last_failure {
            find(code, code.words());
        } else if !status.connected {
            find(
                ErrorCode::Unreachable,
                "the relay does not answer; try again later",
            );
        }
        if status.outbox > 0 {
            find(
                ErrorCode::NotYetDurable,
                "some of what was sent is not confirmed yet; it goes on by itself",
            );
        }
        if status.outbox > 0 && !may_draw {
            find(
                ErrorCode::AdmissionInvalid,
                "no mailbox is left for new conversations; ask the hospital for another admission link, then: telesphor identity admit LINK",
            );
        }
        if status.kit_tested.is_none() {
            find(
                ErrorCode::KitUntested,
                "print it if that was not done, then: telesphor identity kit",
            );
        }
        for (purpose, code) in troubles {
            find(code, &format!("in a mailbox of kind {purpose}: {}", code.words()));
        }
        Ok(findings)
    }
}

/// Mailboxes in which something went wrong, by what they are for.
fn troubles(snapshot: &Snapshot) -> Result<Vec<(&'static str, ErrorCode)>> {
    let mut all = Vec::new();
    for (_, bytes) in snapshot.scan(Table::Mailboxes)? {
        let Ok(held) = telesphor_wire::canonical::decode::<Held>(&bytes) else {
            continue;
        };
        if let Some((code, _)) = crate::group::trouble::trouble(snapshot, &held.id)? {
            all.push((purpose(held.used), code));
        }
    }
    Ok(all)
}

/// How many devices the identity has.
fn live_endpoints(core: &Core) -> Result<usize> {
    let (profile, snapshot) = (&core.profile, core.read()?);
    let history = people::history(&snapshot, profile, &profile.identity)?;
    Ok(history.map_or(0, |(_, h)| h.now().live_endpoints().count()))
}

fn purpose(used: MailboxUse) -> &'static str {
    if used == BACKUP_USE {
        return "backup";
    }
    used.word()
}
