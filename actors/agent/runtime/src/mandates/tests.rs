//! What a holder's program might do that an honest one does not: everything that is shown, asked
//! or told under a mandate is judged by whoever it comes to.

use telesphor_clinical::grant::SignedGrant;
use telesphor_clinical::header::{DocumentKind, Header, Subject};
use telesphor_clinical::mandate::{Power, SignedMandate};
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::scope::Scopes;
use telesphor_clinical::self_entry::{MailboxUse, OwnerKeyEntry};
use telesphor_clinical::standing_in::{
    MandateAct, MandateAsk, MandateRequest, MandateWord, OnBehalf, RevokeAsk, SignedMandateRequest,
};
use telesphor_clinical::text::Text;
use telesphor_identity::bundle::Proofs;
use telesphor_sealing::Member;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::mailbox::MailboxKind;
use telesphor_wire::sign::SigningKey;

use super::give::MandateDraft;
use super::judge::proofs_of;
use super::record::mandate;
use crate::core::records::{Entry, Held, MailboxState, What};
use crate::core::{Core, Ctx, names};
use crate::documents::write::Draft;
use crate::mailbox::tend::DAY_MS;
use crate::sharing::give::given_name;
use crate::sharing::room::RoomState;
use crate::testing::{Paper, Told};

fn scopes(names: &[&str]) -> Scopes {
    names.iter().map(|n| n.parse().unwrap()).collect()
}

/// A mother, her daughter with a mandate, and a doctor whom the daughter knows.
struct Scene {
    paper: Paper,
    aino: Core,
    liisa: Core,
    gp: Core,
    mandate: SignedMandate,
}

const ROOM: MailboxId = MailboxId([9; 32]);

impl Scene {
    fn new(may: &[Power]) -> Self {
        let mut paper = Paper::new();
        let (mut aino, mut liisa, mut gp) = (paper.person("aino"), paper.person("liisa"), paper.person("gp"));
        paper.tell(&mut aino, &mut liisa, Told::Both);
        paper.tell(&mut liisa, &mut gp, Told::Both);
        let draft = MandateDraft {
            holder: liisa.profile.identity.to_string(),
            subject: None,
            powers: may.to_vec(),
            scopes: Some(scopes(&["heart"])),
            until: Some(paper.clock.load(std::sync::atomic::Ordering::SeqCst) + 30 * DAY_MS),
            dormant_until: None,
            although_unverified: true,
        };
        let id = aino.write(|ctx| ctx.give_mandate(&draft)).unwrap();
        let given = aino
            .write(|ctx| Ok(mandate(ctx.tx, &id)?.unwrap().signed))
            .unwrap();
        let mut scene = Self {
            paper,
            aino,
            liisa,
            gp,
            mandate: given,
        };
        scene.prove();
        scene
    }

    /// Everybody learns what proves the mandate now.
    fn prove(&mut self) {
        let given = self.mandate.clone();
        let proofs = self
            .aino
            .write(|ctx| proofs_of(ctx.tx, &ctx.profile, &given))
            .unwrap();
        for core in [&mut self.liisa, &mut self.gp] {
            core.write(|ctx| ctx.take_proofs(&proofs)).unwrap();
        }
    }

    fn member(core: &mut Core) -> Member {
        let me = core.profile.identity;
        core.write(|ctx| Ok(crate::people::members(&ctx.history(&me)?.unwrap()).remove(0)))
            .unwrap()
    }

    /// A grant to the doctor in the mother's name, as the daughter's program signs it.
    fn grant(&mut self, change: impl FnOnce(&mut telesphor_clinical::grant::Grant)) -> SignedGrant {
        let (to, id) = (self.gp.profile.identity, self.mandate.mandate.id());
        let until = self.mandate.mandate.until.as_ref().map(|until| until.stamp());
        self.liisa
            .write(|ctx| {
                let mut signed = ctx.sign_grant(to, &[DocumentId([1; 32])], until, "x", Some(id))?;
                change(&mut signed.grant);
                signed.signature = ctx.keys.endpoint.sign(&signed.grant);
                Ok(signed)
            })
            .unwrap()
    }

    /// What the doctor's program says to a grant that comes in a room opened for `said`.
    fn shown(&mut self, signed: SignedGrant, said: Option<OnBehalf>) -> Option<ErrorCode> {
        let from = Self::member(&mut self.liisa);
        let held = Held {
            id: MailboxId::random(),
            domain: self.gp.profile.domain().clone(),
            kind: MailboxKind::Shared,
            used: MailboxUse::Shared,
            state: MailboxState::Open,
            owner: None,
            entered: 0,
            genesis: Digest([0; 32]),
            owner_key: SigningKey::generate().public(),
            branch: 0,
            epoch: 0,
            with: Some(from.identity),
            deposit_keys: Vec::new(),
            lease: u64::MAX,
            name: String::new(),
        };
        self.gp
            .write(|ctx| {
                let mut first = signed.clone();
                if let Some(said) = said {
                    (first.grant.subject, first.grant.mandate) = (said.subject, Some(said.mandate));
                    ctx.note_room_for(&held.id, Some(&first))?;
                }
                ctx.grant_came(&from, signed, &held)
            })
            .err()
            .map(|error| error.code)
    }

    fn for_aino(&self) -> OnBehalf {
        OnBehalf {
            subject: self.aino.profile.identity,
            mandate: self.mandate.mandate.id(),
        }
    }

    fn pass(&self, ms: u64) {
        self.paper
            .clock
            .fetch_add(ms, std::sync::atomic::Ordering::SeqCst);
    }
}

const SHARE: &[Power] = &[Power::Share, Power::Read];

#[test]
fn a_grant_in_anothers_name_is_believed_without_a_mandate_for_it() {
    let mut s = Scene::new(SHARE);
    let said = s.for_aino();
    let good = s.grant(|_| {});
    assert_eq!(s.shown(good.clone(), Some(said)), None);
    // In a room that was opened in the daughter's own name, or for somebody else.
    assert_eq!(s.shown(good.clone(), None), Some(ErrorCode::MandateOther));
    let other = OnBehalf {
        subject: s.gp.profile.identity,
        ..said
    };
    assert_eq!(s.shown(good, Some(other)), Some(ErrorCode::MandateOther));
    // By none, or by one that nobody has seen.
    let none = s.grant(|g| g.mandate = None);
    assert_eq!(s.shown(none, Some(said)), Some(ErrorCode::NoMandate));
    let made_up = Digest([3; 32]);
    let unseen = s.grant(|g| g.mandate = Some(made_up));
    let room = OnBehalf {
        mandate: made_up,
        ..said
    };
    assert_eq!(s.shown(unseen, Some(room)), Some(ErrorCode::NoMandate));
    // For somebody whom the mandate does not name.
    let gp = s.gp.profile.identity;
    let stranger = IdentityId([4; 32]);
    for subject in [gp, stranger] {
        let wrong = s.grant(|g| g.subject = subject);
        let room = OnBehalf { subject, ..said };
        assert_eq!(s.shown(wrong, Some(room)), Some(ErrorCode::MandateOther));
    }
    // Longer than the mandate runs.
    let end = s.mandate.mandate.until.as_ref().unwrap().stamp();
    let longer = s.grant(|g| {
        g.until = telesphor_clinical::grant::Until::Instant(telesphor_clinical::instant::Instant::now_of(
            end + 1,
            0,
            telesphor_clinical::instant::Clock::Device,
        ));
    });
    assert_eq!(s.shown(longer, Some(said)), Some(ErrorCode::MandateBeyond));
    let endless = s.grant(|g| g.until = telesphor_clinical::grant::Until::Revoked(Extensions::none()));
    assert_eq!(s.shown(endless, Some(said)), Some(ErrorCode::MandateBeyond));
}

#[test]
fn a_forged_mandate_is_kept_by_whoever_is_shown_it() {
    let mut s = Scene::new(&[Power::Read]);
    let said = s.for_aino();
    let ordinary = s.grant(|_| {});
    assert_eq!(
        s.shown(ordinary, Some(said)),
        Some(ErrorCode::MandatePower),
        "to read is not to share"
    );
    // Widened by the daughter, under her mother's name and her own key.
    let mut wider = s.mandate.clone();
    wider.mandate.powers = SHARE.to_vec();
    wider.signature = s.liisa.keys.endpoint.sign(&wider.mandate);
    let proofs = Proofs {
        mandates: vec![wider.clone()],
        ..Proofs::default()
    };
    s.gp.write(|ctx| ctx.take_proofs(&proofs)).unwrap();
    let id = wider.mandate.id();
    let forged = s.grant(|g| g.mandate = Some(id));
    let room = OnBehalf { mandate: id, ..said };
    assert_eq!(s.shown(forged, Some(room)), Some(ErrorCode::NoMandate));
    // Given by the daughter as if it were hers to give.
    let me = s.liisa.profile.identity;
    let head = s.liisa.write(|ctx| ctx.my_head()).unwrap();
    let mut on = wider;
    (on.mandate.issuer, on.mandate.issuer_head) = (me, head);
    on.mandate.endpoint = s.liisa.keys.endpoint.public();
    on.mandate.status = None;
    on.signature = s.liisa.keys.endpoint.sign(&on.mandate);
    let proofs = Proofs {
        mandates: vec![on.clone()],
        ..Proofs::default()
    };
    s.gp.write(|ctx| ctx.take_proofs(&proofs)).unwrap();
    let id = on.mandate.id();
    let given_on = s.grant(|g| g.mandate = Some(id));
    let room = OnBehalf { mandate: id, ..said };
    assert_eq!(s.shown(given_on, Some(room)), Some(ErrorCode::MandateGivenOn));
}

#[test]
fn a_mandate_that_was_ended_or_is_over_opens_one_more_room() {
    let mut s = Scene::new(SHARE);
    let said = s.for_aino();
    let id = super::super::attest::show::hex(&said.mandate.0);
    let good = s.grant(|_| {});
    s.pass(1000);
    s.aino.write(|ctx| ctx.end_mandate(&id)).unwrap();
    // Whoever has not heard of it yet still believes it; then nobody does.
    assert_eq!(s.shown(good.clone(), Some(said)), None);
    s.prove();
    assert_eq!(s.shown(good, Some(said)), Some(ErrorCode::MandateEnded));

    let mut s = Scene::new(SHARE);
    let said = s.for_aino();
    let good = s.grant(|_| {});
    s.pass(31 * DAY_MS);
    assert_eq!(s.shown(good, Some(said)), Some(ErrorCode::MandateOver));
}

#[test]
fn a_document_of_another_scope_or_person_slips_into_a_room_for_somebody() {
    let mut s = Scene::new(SHARE);
    let said = s.for_aino();
    let signed = s.grant(|_| {});
    s.gp.write(|ctx| ctx.note_room_for(&ROOM, Some(&signed))).unwrap();
    let (from, doctor) = (s.liisa.profile.identity, s.gp.profile.identity);
    let mut judge = |subject: IdentityId, of: &[&str], sensitive: &[&str]| {
        let at = s.gp.write(|ctx| Ok(ctx.instant())).unwrap();
        let mut header = Header::new(
            DocumentKind::Note,
            Text::from("text/plain"),
            Text::from("x"),
            doctor,
            at,
        );
        header.subject = Some(Subject::Identity(subject));
        header.scopes = scopes(of);
        header.sensitivity = scopes(sensitive);
        s.gp.write(|ctx| ctx.check_shown_for(&from, &header, &ROOM))
            .err()
            .map(|error| error.code)
    };
    assert_eq!(judge(said.subject, &["heart"], &[]), None);
    assert_eq!(
        judge(said.subject, &["psychiatry"], &[]),
        Some(ErrorCode::MandateScope)
    );
    assert_eq!(
        judge(said.subject, &["heart", "psychiatry"], &[]),
        Some(ErrorCode::MandateScope)
    );
    assert_eq!(
        judge(said.subject, &["heart"], &["violence"]),
        Some(ErrorCode::MandateScope)
    );
    assert_eq!(judge(doctor, &["heart"], &[]), Some(ErrorCode::MandateOther));
}

/// The last word under a mandate in somebody's outbox.
fn last_word(ctx: &Ctx<'_, '_>) -> MandateWord {
    let all = ctx.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX).unwrap();
    let mut words = all.iter().filter_map(|(_, bytes)| {
        let entry: Entry = canonical::decode(bytes).ok()?;
        let What::Talk(say) = entry.what else { return None };
        match canonical::decode(&say.body).ok()? {
            GroupMessage::Mandate(word) => Some(word),
            _ => None,
        }
    });
    words.next_back().unwrap()
}

#[test]
fn a_request_is_carried_out_twice_or_for_somebody_who_may_not() {
    let mut s = Scene::new(&[Power::Read, Power::Revoke]);
    let (me, gp, aino) = (
        s.liisa.profile.identity,
        s.gp.profile.identity,
        s.aino.profile.identity,
    );
    let id = s.mandate.mandate.id();
    let from = Scene::member(&mut s.liisa);
    let not_after = s.paper.clock.load(std::sync::atomic::Ordering::SeqCst) + DAY_MS;
    let mut made = |change: &dyn Fn(&mut MandateRequest)| {
        s.liisa
            .write(|ctx| {
                let mut request = MandateRequest {
                    version: 1,
                    subject: aino,
                    by: me,
                    head: ctx.my_head()?,
                    endpoint: ctx.keys.endpoint.public(),
                    mandate: id,
                    ask: MandateAsk::Revoke(RevokeAsk {
                        to: gp,
                        scopes: Scopes::none(),
                        documents: Vec::new(),
                    }),
                    at: ctx.instant(),
                    not_after,
                    random: Digest(*Secret::random().expose()),
                    ext: Extensions::none(),
                };
                change(&mut request);
                let signature = ctx.keys.endpoint.sign(&request);
                Ok(SignedMandateRequest { request, signature })
            })
            .unwrap()
    };
    let (good, late, wrong, outside, power) = (
        made(&|_| {}),
        made(&|r| r.not_after = 1),
        made(&|r| r.subject = gp),
        made(&|r| {
            r.ask = MandateAsk::Revoke(RevokeAsk {
                to: gp,
                scopes: scopes(&["psychiatry"]),
                documents: Vec::new(),
            });
        }),
        made(&|r| r.mandate = Digest([7; 32])),
    );
    let mut forged = good.clone();
    forged.request.not_after += 1;
    let mut say = |signed: &SignedMandateRequest, from: &Member| {
        s.aino
            .write(|ctx| {
                ctx.asked_by_mandate(from, signed.clone())?;
                match last_word(ctx) {
                    MandateWord::Answer(answer) => Ok(ErrorCode::from_code(answer.refused)),
                    other => panic!("{other:?}"),
                }
            })
            .unwrap()
    };
    // There is nothing to end, which is for a device of Aino's to say.
    assert_eq!(say(&good, &from), Some(ErrorCode::NotFound));
    assert_eq!(say(&good, &from), Some(ErrorCode::Repeated));
    assert_eq!(say(&forged, &from), Some(ErrorCode::BadDocument));
    assert_eq!(say(&late, &from), Some(ErrorCode::Expired));
    assert_eq!(say(&wrong, &from), Some(ErrorCode::MandateOther));
    assert_eq!(say(&outside, &from), Some(ErrorCode::MandateScope));
    assert_eq!(say(&power, &from), Some(ErrorCode::NoMandate));
}

#[test]
fn a_holder_who_shows_more_than_he_may_keeps_the_room_open() {
    let mut s = Scene::new(SHARE);
    let (from, gp) = (Scene::member(&mut s.liisa), s.gp.profile.identity);
    let id = s.mandate.mandate.id();
    let mut draft = Draft::new(DocumentKind::Note, "text/plain", "Mood", b"low".to_vec());
    draft.scopes = scopes(&["psychiatry"]);
    let document = s.aino.write(|ctx| ctx.write_document(draft)).unwrap().0;
    let signed = s
        .liisa
        .write(|ctx| ctx.sign_grant(gp, &[document], None, "x", Some(id)))
        .unwrap();
    let act = MandateAct {
        grant: signed.clone(),
        mailbox: ROOM,
        domain: s.aino.profile.domain().clone(),
        reader: Bytes(Proofs::default().to_bytes()),
        name: Text::from("Dr Virtanen"),
        ext: Extensions::none(),
    };
    let keys = OwnerKeyEntry {
        mailbox: ROOM,
        seed: Secret::new([1; 32]),
        next_seed: Some(Secret::new([2; 32])),
        counter: 0,
    };
    s.aino
        .write(|ctx| {
            ctx.acted(&from, act)?;
            // What was not allowed shows nothing, and the holder is told so.
            assert!(matches!(last_word(ctx), MandateWord::Over(_)));
            let given: crate::sharing::give::Given =
                ctx.get(Table::Grants, &given_name(&signed.grant.id()))?.unwrap();
            assert!(given.revoked.is_some());
            ctx.acted_owner(&from.identity, keys)?;
            assert_eq!(ctx.room(&ROOM)?.unwrap().state, RoomState::Closed);
            let all = ctx.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)?;
            let closes = all.iter().any(|(_, bytes)| {
                let entry: Entry = canonical::decode(bytes).unwrap();
                matches!(&entry.what, What::Owner(say) if say.mailbox == ROOM
                    && matches!(say.act, telesphor_wire::command::OwnerAct::Close(_)))
            });
            assert!(closes, "the room is closed at the relay");
            Ok(())
        })
        .unwrap();
}
