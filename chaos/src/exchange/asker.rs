//! Somebody at one hospital who puts events into a mailbox at another, by way of home.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use telesphor_agent::link::{self, Credential, Push, Session};
use telesphor_wire::answer::Answer;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, Deposit, OwnerAct, OwnerCommand, SignedOwnerCommand};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::Forwarded;
use telesphor_wire::forward::ask::{Ask, Wish};
use telesphor_wire::forward::outbox::{News, Passing};
use telesphor_wire::forward::read::{ForwardClaim, Read};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{CommandId, Nonce};
use telesphor_wire::ledger::LedgerAnswer;
use telesphor_wire::limits::DEFAULT_CREDIT_BYTES;
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::receipt::Receipt;
use telesphor_wire::seal::{SealingKey, SealingPublic};
use telesphor_wire::session::{Page, PageRequest, Right, SessionProof};
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text::{Domain, SupportCode};
use tokio::sync::mpsc;

use crate::campaign::{CampaignError, admit};
use crate::relay::Relay;
use crate::tenant::{Mailbox, Tenant, TenantError, VALID_MS};

/// Nothing here takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done at the other hospital, by its receipt.
    Durable(Box<Receipt>),
    /// What was read there.
    Page(Box<Page>),
    /// What its ledger said.
    Ledger(Box<LedgerAnswer>),
    /// It refused.
    Refused(ErrorCode),
    /// It came back.
    Undelivered(ErrorCode),
}

/// How something is read elsewhere.
#[derive(Clone, Default)]
pub struct How {
    /// Behind which event.
    pub after: u64,
    /// The request's end, Unix milliseconds, if it is a special one.
    pub until: Option<u64>,
    /// The domain that the proof names, if it is not the one that is asked.
    pub domain: Option<Domain>,
    /// A proof that was made before, if that is shown again.
    pub repeated: Option<SessionProof>,
}

impl How {
    /// As it should be.
    pub fn after(after: u64) -> Self {
        Self {
            after,
            ..Self::default()
        }
    }
}

/// Somebody with an outbox at home.
pub struct Asker {
    /// At home.
    pub tenant: Arc<Tenant>,
    /// The outbox.
    pub outbox: Mailbox,
    session: Session,
    pushes: mpsc::Receiver<Push>,
    handle: u32,
    read: u64,
    /// Of the owner's last command.
    counter: u64,
    asked: BTreeMap<Digest, (Forwarded, SealingKey)>,
    told: VecDeque<(Digest, Outcome)>,
}

/// Where something is put.
#[derive(Clone)]
pub struct At {
    /// Which domain.
    pub domain: Domain,
    /// Which mailbox, by the key that may deposit.
    pub mailbox: Mailbox,
    /// Its lane.
    pub lane: Nonce,
}

/// A mailbox at a hospital, as somebody elsewhere knows it.
///
/// # Errors
/// [`CampaignError`].
pub async fn at(relay: &Relay, mailboxes: usize) -> Result<(Tenant, Vec<At>), CampaignError> {
    let mut tenant = Tenant::enrol(&admit(relay)?, mailboxes).await?;
    let (session, _pushes) = tenant.session().await.map_err(TenantError::from)?;
    let mut all = Vec::new();
    for _ in 0..mailboxes {
        all.push(At {
            domain: tenant.pin.domain.clone(),
            mailbox: tenant.open(&session).await?,
            lane: Nonce::random(),
        });
    }
    Ok((tenant, all))
}

impl Asker {
    /// Enrols somebody.
    ///
    /// # Errors
    /// [`CampaignError`].
    pub async fn enrol(home: &Relay) -> Result<Self, CampaignError> {
        let mut tenant = Tenant::enrol(&admit(home)?, 1).await?;
        let facts = link::exchange::fetch(&tenant.pin)
            .await
            .map_err(TenantError::from)?;
        let (session, pushes) = tenant.session().await.map_err(TenantError::from)?;
        let outbox = tenant.open_for(&session, facts.deposit).await?;
        let mut asker = Self {
            tenant: Arc::new(tenant),
            outbox,
            session,
            pushes,
            handle: 0,
            read: 0,
            counter: 0,
            asked: BTreeMap::new(),
            told: VecDeque::new(),
        };
        asker.begin().await?;
        Ok(asker)
    }

    /// Connects (again) and follows the outbox from where it was read.
    ///
    /// # Errors
    /// [`CampaignError`].
    pub async fn begin(&mut self) -> Result<(), CampaignError> {
        let (session, pushes) = self.tenant.session().await.map_err(TenantError::from)?;
        let owner = Credential::owner(self.outbox.id, self.outbox.owner.clone());
        let standing = session.prove(owner).await.map_err(TenantError::from)?;
        let followed = session.follow(standing.handle, self.read, DEFAULT_CREDIT_BYTES);
        followed.await.map_err(TenantError::from)?;
        (self.session, self.pushes, self.handle) = (session, pushes, standing.handle);
        Ok(())
    }

    /// The other domain's key, as home says it, once it has heard of one.
    ///
    /// # Errors
    /// [`CampaignError::Stuck`].
    pub async fn sealing(&self, domain: &Domain) -> Result<SealingPublic, CampaignError> {
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < PATIENCE {
            let facts = link::exchange::fetch(&self.tenant.pin)
                .await
                .map_err(TenantError::from)?;
            if let Some(key) = link::exchange::sealing(&facts, domain, self.session.facts().clock) {
                return Ok(key.clone());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(CampaignError::Stuck("home hears of no sealing key"))
    }

    /// A deposit with a signature of its own.
    pub fn deposit(&self, at: &At, payload: Vec<u8>) -> Command {
        signed(
            at,
            payload,
            self.session.facts().clock + VALID_MS,
            &at.mailbox.deposit,
        )
    }

    /// Seals a command for another domain.
    ///
    /// # Errors
    /// If it cannot be sealed.
    pub fn seal(
        &mut self,
        at: &At,
        key: &SealingPublic,
        command: &Command,
    ) -> Result<Passing, CampaignError> {
        self.seal_in((&at.domain, at.lane), key, command)
    }

    /// Seals a command for another domain, in a lane.
    ///
    /// # Errors
    /// If it cannot be sealed.
    pub fn seal_in(
        &mut self,
        (domain, lane): (&Domain, Nonce),
        key: &SealingPublic,
        command: &Command,
    ) -> Result<Passing, CampaignError> {
        let reply = SealingKey::generate();
        let ask = Ask {
            not_after: command.not_after(),
            wish: Wish::Command(Box::new(command.clone())),
            reply: reply.public(),
            ext: Extensions::none(),
        };
        let request = ask.seal(domain, key);
        let request = request.map_err(|e| CampaignError::Apart(e.to_string()))?;
        self.asked.insert(request.digest(), (request.clone(), reply));
        Ok(Passing {
            lane,
            support: SupportCode::random(),
            request,
            ext: Extensions::none(),
        })
    }

    /// Asks for the events of a personal mailbox elsewhere, as its owner; the proof may be another's.
    ///
    /// # Errors
    /// If it cannot be sealed, or put into the outbox.
    pub async fn read(
        &mut self,
        at: &At,
        key: &SealingPublic,
        by: &SigningKey,
        repeated: Option<SessionProof>,
    ) -> Result<SessionProof, CampaignError> {
        let how = How {
            repeated,
            ..How::after(0)
        };
        self.look(at, key, by, (how, false)).await
    }

    /// Asks for what comes next in a personal mailbox elsewhere, as its owner.
    ///
    /// # Errors
    /// If it cannot be sealed, or put into the outbox.
    pub async fn follow(
        &mut self,
        at: &At,
        key: &SealingPublic,
        by: &SigningKey,
        how: How,
    ) -> Result<SessionProof, CampaignError> {
        self.look(at, key, by, (how, true)).await
    }

    async fn look(
        &mut self,
        at: &At,
        key: &SealingPublic,
        by: &SigningKey,
        (how, follow): (How, bool),
    ) -> Result<SessionProof, CampaignError> {
        let reply = SealingKey::generate();
        let claim = ForwardClaim {
            domain: how.domain.unwrap_or(at.domain.clone()),
            reply: reply.public(),
            not_after: how.until.unwrap_or(self.session.facts().clock + VALID_MS),
            agent_nonce: Nonce([7; 32]),
            mailbox: at.mailbox.id,
            right: Right::Owner,
            branch: 0,
            epoch: 0,
            ext: Extensions::none(),
        };
        let proof = how.repeated.unwrap_or_else(|| claim.prove(by));
        let read = Read {
            page: PageRequest {
                mailbox: at.mailbox.id,
                after: how.after,
                max_events: 100,
            },
            agent_nonce: claim.agent_nonce,
            proof: proof.clone(),
            ext: Extensions::none(),
        };
        let ask = Ask {
            wish: match follow {
                true => Wish::Follow(Box::new(read)),
                false => Wish::Read(Box::new(read)),
            },
            reply: reply.public(),
            not_after: claim.not_after,
            ext: Extensions::none(),
        };
        let request = ask.seal(&at.domain, key);
        let request = request.map_err(|e| CampaignError::Apart(e.to_string()))?;
        self.asked.insert(request.digest(), (request.clone(), reply));
        let passing = Passing {
            lane: at.lane,
            support: SupportCode::random(),
            request,
            ext: Extensions::none(),
        };
        match self.put(&passing).await? {
            Answer::Durable(_) => Ok(proof),
            other => Err(TenantError::Answer(Box::new(other)).into()),
        }
    }

    /// Puts it into the outbox, and gives home's answer.
    ///
    /// # Errors
    /// [`CampaignError`].
    pub async fn put(&self, passing: &Passing) -> Result<Answer, CampaignError> {
        self.put_bytes(passing.support, canonical::encode(passing)).await
    }

    /// The same for bytes of any kind.
    ///
    /// # Errors
    /// [`CampaignError`].
    pub async fn put_bytes(&self, support: SupportCode, payload: Vec<u8>) -> Result<Answer, CampaignError> {
        let command = self.into_outbox(payload);
        self.hand_over(support, command).await
    }

    /// What puts bytes into the outbox. Handed over again, they stand there once.
    pub fn into_outbox(&self, payload: Vec<u8>) -> Command {
        Command::Deposit(Deposit {
            mailbox: self.outbox.id,
            branch: 0,
            epoch: 0,
            kind: EventKind::FORWARD,
            command_id: CommandId::random(),
            not_after: self.session.facts().clock + VALID_MS,
            payload: payload.into(),
            ext: Extensions::none(),
            signature: None,
        })
    }

    /// Hands it over, and gives home's answer.
    ///
    /// # Errors
    /// [`CampaignError`].
    pub async fn hand_over(&self, support: SupportCode, command: Command) -> Result<Answer, CampaignError> {
        let replied = self.session.call_as(support, self.handle, command).await;
        Ok(replied.map_err(TenantError::from)?.answer)
    }

    /// Seals, puts and expects it to be durable at home.
    ///
    /// # Errors
    /// [`CampaignError`].
    pub async fn send(
        &mut self,
        at: &At,
        key: &SealingPublic,
        payload: Vec<u8>,
    ) -> Result<Passing, CampaignError> {
        let command = self.deposit(at, payload);
        let passing = self.seal(at, key, &command)?;
        match self.put(&passing).await? {
            Answer::Durable(_) => Ok(passing),
            other => Err(TenantError::Answer(Box::new(other)).into()),
        }
    }

    /// Lets home drop what was read, once nothing waits for an answer any more.
    ///
    /// # Errors
    /// [`CampaignError`]; the command may have been carried out all the same.
    pub async fn acknowledge(&mut self) -> Result<(), CampaignError> {
        self.counter += 1;
        let command = OwnerCommand {
            mailbox: self.outbox.id,
            branch: 0,
            counter: self.counter,
            act: OwnerAct::Acknowledge(self.read),
            command_id: CommandId::random(),
            not_after: self.session.facts().clock + VALID_MS,
            ext: Extensions::none(),
        };
        let signature = self.outbox.owner.sign(&command);
        let command = Command::Owner(Box::new(SignedOwnerCommand { command, signature }));
        match self
            .session
            .call(0, command)
            .await
            .map_err(TenantError::from)?
            .answer
        {
            Answer::Durable(_) => {
                self.asked.clear();
                Ok(())
            }
            other => Err(TenantError::Answer(Box::new(other)).into()),
        }
    }

    /// The next that is told of any request, and of which.
    ///
    /// # Errors
    /// [`CampaignError`].
    pub async fn news(&mut self) -> Result<(Digest, Outcome), CampaignError> {
        loop {
            let push = tokio::time::timeout(PATIENCE, self.news_once());
            let push = push
                .await
                .map_err(|_| CampaignError::Stuck("nothing more is told"))?;
            if let Some(told) = push? {
                return Ok(told);
            }
        }
    }

    async fn news_once(&mut self) -> Result<Option<(Digest, Outcome)>, CampaignError> {
        if let Some(told) = self.told.pop_front() {
            return Ok(Some(told));
        }
        match self.pushes.recv().await {
            Some(Push::Events(events)) => {
                for event in &events.events {
                    self.read = event.header.seq;
                    let bytes = event.payload.as_ref().map_or(0, |p| p.len());
                    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
                    let credit = self.session.credit(self.handle, bytes);
                    credit.await.map_err(TenantError::from)?;
                    if event.header.kind == EventKind::FORWARDED
                        && let Some(payload) = &event.payload
                    {
                        let news: News = canonical::decode(payload)
                            .map_err(|_| CampaignError::Stuck("news that are none"))?;
                        let outcome = self.opened(&news)?;
                        self.told.push_back((news.of(), outcome));
                    }
                }
                Ok(None)
            }
            Some(Push::Ended(..)) => Err(CampaignError::Stuck("the outbox is read no more")),
            None => {
                // The relay was killed: again, from where it was read.
                tokio::time::sleep(Duration::from_millis(50)).await;
                // It may not be back yet.
                let _ = self.begin().await;
                Ok(None)
            }
        }
    }

    fn opened(&self, news: &News) -> Result<Outcome, CampaignError> {
        let reply = match news {
            News::Undelivered(back) => return Ok(Outcome::Undelivered(back.code)),
            News::Answered(reply) => reply,
        };
        let (request, key) = self
            .asked
            .get(&reply.to)
            .ok_or(CampaignError::Stuck("news of a request that was never made"))?;
        let told = reply.open(request, key);
        match told.map_err(|e| CampaignError::Apart(e.to_string()))?.answer {
            Answer::Durable(receipt) => Ok(Outcome::Durable(receipt)),
            Answer::Page(page) => Ok(Outcome::Page(page)),
            Answer::Ledger(told) => Ok(Outcome::Ledger(told)),
            Answer::Refused(refusal) => Ok(Outcome::Refused(refusal.code)),
            other => Err(TenantError::Answer(Box::new(other)).into()),
        }
    }
}

/// A deposit signed by a key.
pub fn signed(at: &At, payload: Vec<u8>, not_after: u64, by: &SigningKey) -> Command {
    let mut deposit = Deposit {
        mailbox: at.mailbox.id,
        branch: 0,
        epoch: 0,
        kind: EventKind::MESSAGE,
        command_id: CommandId::random(),
        not_after,
        payload: payload.into(),
        ext: Extensions::none(),
        signature: None,
    };
    deposit.signature = Some((by.public(), by.sign(&deposit.statement())));
    Command::Deposit(deposit)
}
