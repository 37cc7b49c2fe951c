//! The members' processes: orders go in, answers come out, and any may be killed.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use telesphor_agent::Agent;
use telesphor_wire::ids::MailboxId;

use crate::campaign::CampaignError;
use crate::ward::Ward;

/// An answer that takes longer never comes.
const ANSWER: Duration = Duration::from_secs(180);

/// Where a member stands, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stand {
    pub(crate) branch: u32,
    pub(crate) epoch: u64,
    pub(crate) authenticator: String,
    /// What it has still to send.
    pub(crate) outbox: usize,
    /// Mailboxes it has not read to their end.
    pub(crate) behind: usize,
}

impl Stand {
    /// What is the same for all who are not parted.
    pub(crate) fn place(&self) -> String {
        format!(
            "branch {} epoch {} {}",
            self.branch,
            self.epoch,
            &self.authenticator[..8.min(self.authenticator.len())]
        )
    }

    const fn is_quiet(&self) -> bool {
        self.outbox == 0 && self.behind == 0
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("stand ")?.split(' ');
        Some(Self {
            branch: words.next()?.parse().ok()?,
            epoch: words.next()?.parse().ok()?,
            authenticator: words.next()?.to_owned(),
            outbox: words.next()?.parse().ok()?,
            behind: words.next()?.parse().ok()?,
        })
    }
}

/// Where an agent of this process stands.
pub(crate) async fn stand_of(agent: &Agent, team: MailboxId) -> Result<Stand, CampaignError> {
    let said = |e: telesphor_agent::Error| CampaignError::Apart(format!("the patient: {e}"));
    let stand = agent.team_stand(team).await.map_err(said)?;
    let status = agent.status().await.map_err(said)?;
    Ok(Stand {
        branch: stand.branch,
        epoch: stand.epoch,
        authenticator: stand.authenticator.iter().map(|b| format!("{b:02x}")).collect(),
        outbox: status.outbox,
        behind: status.behind,
    })
}

struct Member {
    profile: PathBuf,
    child: Child,
    orders: ChildStdin,
    answers: mpsc::Receiver<String>,
}

/// All of them.
pub(crate) struct Crew {
    program: PathBuf,
    team: MailboxId,
    members: Vec<Member>,
    /// Notes whose writing was confirmed.
    pub(crate) said: Vec<String>,
}

impl Crew {
    pub(crate) fn start(
        program: &Path,
        profiles: Vec<PathBuf>,
        team: MailboxId,
    ) -> Result<Self, CampaignError> {
        let mut crew = Self {
            program: program.to_owned(),
            team,
            members: Vec::new(),
            said: Vec::new(),
        };
        for profile in profiles {
            let member = crew.spawn(&profile)?;
            crew.members.push(member);
        }
        Ok(crew)
    }

    fn spawn(&self, profile: &Path) -> Result<Member, CampaignError> {
        let team: String = self.team.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(profile.with_extension("log"))?;
        let mut child = Command::new(&self.program)
            .arg("--member")
            .arg(profile)
            .arg("--team")
            .arg(team)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let (Some(orders), Some(out)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(CampaignError::Stuck("a member without pipes"));
        };
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Member {
            profile: profile.to_owned(),
            child,
            orders,
            answers,
        })
    }

    pub(crate) fn tell(&mut self, who: usize, order: &str) -> Result<(), CampaignError> {
        Ok(writeln!(self.members[who].orders, "{order}")?)
    }

    pub(crate) fn tell_all(&mut self, order: &str) -> Result<(), CampaignError> {
        (0..self.members.len()).try_for_each(|who| self.tell(who, order))
    }

    /// kill -9, and begins the same profile again. What it had confirmed before is kept.
    pub(crate) fn kill(&mut self, who: usize) -> Result<(), CampaignError> {
        let member = &mut self.members[who];
        member.child.kill()?;
        member.child.wait()?;
        while let Ok(line) = member.answers.recv() {
            self.said.extend(line.strip_prefix("said ").map(str::to_owned));
        }
        let profile = self.members[who].profile.clone();
        self.members[who] = self.spawn(&profile)?;
        Ok(())
    }

    /// The answer to the last order, past those to earlier ones.
    fn answer<T>(
        &mut self,
        who: usize,
        mut meant: impl FnMut(&str) -> Option<T>,
    ) -> Result<T, CampaignError> {
        loop {
            let member = &self.members[who];
            let line = member.answers.recv_timeout(ANSWER).map_err(|_| {
                CampaignError::Apart(format!(
                    "a member does not answer; its log is {}",
                    member.profile.with_extension("log").display()
                ))
            })?;
            self.said.extend(line.strip_prefix("said ").map(str::to_owned));
            if let Some(answer) = meant(&line) {
                return Ok(answer);
            }
        }
    }

    pub(crate) fn stands(&mut self) -> Result<Vec<Stand>, CampaignError> {
        self.tell_all("stand")?;
        (0..self.members.len())
            .map(|who| self.answer(who, Stand::parse))
            .collect()
    }

    /// Waits until everybody has sent and read everything.
    pub(crate) async fn quiet(&mut self, ward: &Ward, patience: Duration) -> Result<(), CampaignError> {
        let begun = Instant::now();
        loop {
            let mut stands = self.stands()?;
            stands.push(stand_of(&ward.patient, ward.team).await?);
            if stands
                .iter()
                .all(|s| s.is_quiet() && s.place() == stands[0].place())
            {
                return Ok(());
            }
            if begun.elapsed() > patience {
                let patient = ward.patient.waiting().await.unwrap_or_default();
                return Err(CampaignError::Apart(self.unrest(&stands, &patient.join("; "))?));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Where everybody stands, and what it is that waits; the patient last.
    fn unrest(&mut self, stands: &[Stand], patient: &str) -> Result<String, CampaignError> {
        let mut lines = vec!["not everything was sent and read; members, and the patient last:".to_owned()];
        for (who, stand) in stands.iter().enumerate() {
            let mut line = format!(
                "{}, {} to send, {} to read",
                stand.place(),
                stand.outbox,
                stand.behind
            );
            if !stand.is_quiet() && who < self.members.len() {
                self.tell(who, "waiting")?;
                let waiting = self.answer(who, |line| Some(line.strip_prefix("waiting ")?.to_owned()))?;
                line = format!(
                    "{line} ({waiting}), log {}",
                    self.members[who].profile.with_extension("log").display()
                );
            } else if !stand.is_quiet() {
                line = format!("{line} ({patient})");
            }
            lines.push(line);
        }
        Ok(lines.join("\n"))
    }

    /// How many of the notes any member cannot read.
    pub(crate) fn missing(&mut self) -> Result<usize, CampaignError> {
        let order = format!("reads {}", self.said.join(" "));
        self.tell_all(&order)?;
        let mut missing = 0;
        for who in 0..self.members.len() {
            missing += self.answer(who, |line| line.strip_prefix("missing ")?.parse::<usize>().ok())?;
        }
        Ok(missing)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        // Only the processes that were started here.
        for member in &mut self.members {
            let _ = member.child.kill();
            let _ = member.child.wait();
        }
    }
}
