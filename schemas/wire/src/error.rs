//! Stable error codes: `T-` and four digits, what happened in words, and who must act.
//!
//! A code is never given a second meaning and never goes away within a major version.
//! 1xxx form, 2xxx rights, 3xxx state, 4xxx limits, 5xxx the relay, 6xxx this machine,
//! 7xxx genuineness. Words name no person, mailbox or payload.

use std::fmt;

/// Who has to do something about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The caller.
    You,
    /// The other side of the exchange.
    Peer,
    /// Whoever runs the relay.
    Operator,
    /// The makers of this software.
    Us,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::You => "you",
            Self::Peer => "peer",
            Self::Operator => "operator",
            Self::Us => "us",
        })
    }
}

macro_rules! errors {
    ($($(#[$doc:meta])* $code:literal $variant:ident $actor:ident $words:literal,)*) => {
        coded! {
            /// A stable error code.
            pub enum ErrorCode { $($(#[$doc])* #[doc = $words] $code => $variant,)* }
        }

        impl ErrorCode {
            /// What happened and what to do, in words.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
            /// Who must act.
            pub const fn who_acts(self) -> Actor {
                match self { $(Self::$variant => Actor::$actor,)* }
            }
        }
    };
}

errors! {
    1001 Malformed Peer "the request is not well-formed; the client that made it must be mended",
    1002 NotCanonical Peer "the request is not in canonical form; the client that made it must be mended",
    1003 TooLarge You "larger than this protocol allows in one piece; send it as a file in chunks",
    1004 UnknownVersion You "no protocol version in common; update this program",
    1005 UnknownCritical You "made by a newer version and not readable safely here; update this program",
    1006 NotAllowedHere Peer "this request cannot be made in this way or order",
    1007 WrongMailboxKind Peer "this request does not fit the kind of mailbox it names",
    1008 NotForwardable Peer "this cannot be asked of another hospital in this way",

    2001 Refused You "refused: no such mailbox, or no right to it",
    2002 StaleNonce Peer "the proof was not made for this connection, or too late; connect again",
    2003 LeaseOver You "the time for which access was given is over; ask the owner to extend it",
    2004 BadSignature Peer "a signature is not good; nothing was changed",
    2005 NotOwner You "only the owner of the mailbox may do this",
    2006 AdmissionInvalid You "the admission link is unknown, used up or expired; ask the hospital for a new one",
    2007 VoucherSpent You "this permission to open a mailbox has been used already",
    2008 LeaseTooLong You "access cannot be given beyond the owner's limit",
    2009 NotListed You "after a repair only keys named by the owner may change this team",
    2020 NoMandate You "you hold no mandate for this person; ask them, or the court, for one",
    2021 MandatePower You "the mandate does not allow this act; ask whoever gave it",
    2022 MandateScope You "this lies outside the scopes of the mandate; ask whoever gave it",
    2023 MandateOver You "the time of the mandate is over or has not begun; ask whoever gave it for a new one",
    2024 MandateEnded You "the mandate was ended by whoever gave it; ask them",
    2025 MandateDormant You "the mandate sleeps until somebody whose word counts attests what it waits for; ask them to attest it",
    2026 MandateBeyond You "nothing can be given beyond the end of the mandate; choose an earlier day",
    2027 MandateGivenOn You "a mandate cannot be given on by its holder; the one it speaks for, or the court, must give another",
    2028 MandateReads You "they see this by a mandate, not by a share; `telesphor mandate end` ends it",
    2029 NotIssuer You "only whoever gave a mandate can end it; ask them",
    2030 RxNotThisLedger Peer "this prescription is not kept in this domain's ledger, or what opens it does not belong to it",
    2031 LabNotAllowed You "no hospital lets you order at this laboratory; ask whoever runs yours",
    2040 DomainUnknown Operator "no other hospital of this name is known here; whoever runs this one can pin it: `telesphor-relay domain pin`",
    2041 NotPinnedThere Operator "the other hospital does not know this one yet; its operator must pin this one's card",
    2042 NotSealedForThem You "sealed to a key that the other hospital no longer has, or never had; send it again",

    3001 EpochConflict You "somebody was first: the team has moved on; look again and decide",
    3002 WrongEpoch You "made for an earlier state of the team; it must be sealed again",
    3003 WrongBranch You "made for a branch that the owner has ended",
    3004 AlreadyExists You "this mailbox exists already",
    3005 Closed You "this mailbox has been closed by its owner",
    3006 OtherBody Peer "this id was used before for something else",
    3007 Expired You "too late: the request was valid only until an instant that has passed",
    3008 TooFarAhead You "valid for longer than seven days; is this machine's clock right?",
    3009 WrongCounter You "another command of the owner came first; look again and repeat",
    3010 OnHold You "under legal hold or a retention duty: nothing may be erased yet",
    3011 NoKeyPackage You "no key package is left for this contact; ask them to come online once",
    3012 NotNextKey You "this is not the key that was committed to",
    3013 NoSuchRange Peer "no such events in this mailbox",
    3014 KitReplaced You "this recovery kit was replaced by a newer one and opens nothing any more; use the newest kit",
    3020 Repeated Peer "this request was made before and is not carried out twice",
    3030 RxCancelled You "the prescriber has cancelled this prescription: hand out nothing on it",
    3031 RxNotEnough You "less is left of this prescription than was asked for; look at what is left, and until when others have set parts aside",
    3032 RxAllTaken You "four pharmacies have set parts of this prescription aside; try again when one of them lets go",
    3033 RxOnHold You "a pharmacist has stopped this prescription with a question to the prescriber; wait for the answer",
    3034 RxTicketUsed You "this ticket was used before; ask the patient for a new one",
    3035 RxTicketOver You "the time of this ticket is over; ask the patient for a new one",
    3036 RxNotReserved You "nothing is set aside under this ticket: it was let go, or never was; reserve first",
    3037 RxHandedOver You "this was confirmed as handed over and cannot be taken back; the prescriber can write a new prescription for what came back",
    3038 RxTooOld You "this prescription is older than a ledger keeps any; ask the prescriber for a new one",
    3039 RxTooManyFills You "this prescription was filled in too many pieces; ask the prescriber for a new one",
    3040 RxNotDue You "the next portion of this prescription is not due yet; come back on the day that it says",
    3041 RxNotValid You "this prescription is not valid today: its time has not begun, or is over",
    3042 RxNoTicket You "no ticket of the patient for this amount is here; ask the patient for one",
    3043 RxNoOffline You "the prescriber does not allow so much to be supplied while the ledger cannot be asked; wait for the line, or act by your own rule and say so to the prescriber",
    3044 RxNotPrescription You "this document is no prescription that can be filled here",
    3045 RxLetGo You "this could not be confirmed and is let go for good, because it was stopped or somebody else has taken it after its time: hand out nothing, and ask the patient for a new ticket",
    3050 LabRejected You "the laboratory has rejected this sample; order again and take a new one",
    3051 LabFinal You "this order has its final result; only a corrected one can take its place",
    3052 LabNoFinal You "this order has no final result that could be corrected; give a result first",
    3053 LabNoOrder You "no order with this code is here; read both codes again, from the tube and from the form",
    3054 LabTwoOrders You "tube and form belong to two different orders: report nothing, and find out whose tube it is",
    3055 LabCodeWrong You "this is no code: a character is wrong or missing, or two are exchanged; read the label again",
    3056 LabCodeTaken You "one of these codes stands on another order; order again and print new labels",
    3057 LabOtherFile You "this file is about another order: the number in it is not the code on this tube; report nothing, and look where they were exchanged",
    3058 LabNoMapping You "nothing signed is here that says whose result this is; ask the doctor who ordered it",
    3059 LabNotResult You "this document is no result of a laboratory order",
    3070 StudyOver You "this study is over, or was taken back: nothing is sent to it",
    3071 StudyNotMet You "your record does not fit what this study asks for; nothing was sent",
    3072 StudyLeft You "you have left this study; nothing is sent to it any more",
    3073 StudyJoined You "you take part in this study already",
    3074 StudyNotJoined You "you do not take part in this study; `telesphor study join` begins it, after a look at what would leave",
    3075 StudyTooFew You "fewer people than this study has bound itself to: nothing is shown",
    3076 VoucherUsed You "this voucher was paid out before",
    3077 StudyOneDomain You "both who would add up are of one domain: its operator could put the halves together; name one of another domain, or `trial = true` for a study of invented data",
    3078 StudySent You "this was sent to the study before and is not sent twice",

    3060 BlobAbsent You "no such file at the relay, or it is not shown to you any more; ask whoever sent it",
    3061 BlobChanged Peer "what came of a file is not what its name says, and was thrown away; what came before it is kept",
    3062 BlobBusy You "this file is on its way by another connection, or the relay is moving too many; try again in a moment",
    3063 BlobNotYetDurable You "fewer of the hospital's relays have this file yet than a receipt needs; it stays where it is, and goes on by itself",

    4001 QuotaExceeded You "the mailbox is full; its owner must take over or erase older events",
    4002 TooMany Peer "more entries in one request than allowed",
    4003 SlowReader You "events arrive faster than they are read; continue from the last one read",
    4004 SessionLimit You "too many sessions or mailboxes on this connection",

    5001 Draining You "the relay is being stopped for maintenance; try again in a moment",
    5002 DiskFull Operator "the relay has no room for new events; reading goes on",
    5003 Fenced Operator "the relay has stopped confirming because something is wrong; nothing confirmed is lost",
    5004 Internal Us "a fault in the relay; nothing was changed",
    5005 BadConfig Operator "the relay's configuration has a fault; it is named by its path",
    5006 StoreDamaged Operator "what the relay has stored does not hold together; nothing was changed",
    5007 NotRunning Operator "no relay is running on this data directory",
    5008 InUse Operator "a relay is running on this data directory; stop it first",
    5009 AlreadyThere Operator "there is something of that name already; nothing was overwritten",
    5010 RelayIo Operator "the relay's machine did not let a file be read or written",
    5011 TooManyConnections Operator "the relay has no place for one more connection; try again in a moment",
    5012 BlobDamaged Operator "a file at the relay was damaged on its disk; bring it back from a backup, or have it sent again",
    5013 BlobsOfOne Operator "this hospital's relays work together and do not take large files yet: such a file would lie on one of them alone; send it by another relay",
    5014 HoldersAway Operator "no relay that keeps this mailbox answers just now; it is tried again, and `cluster status` at the relays says where it is kept",
    5020 NotDelivered You "the other hospital was not reached in the time that is tried; nothing more is tried. Reach them in another way, or send it again",
    5021 ExchangeOff Operator "this hospital exchanges nothing with others yet: its relays have no way to them",
    5022 ExchangeBusy You "more requests for other hospitals wait here than are taken; try again in a moment",

    6001 VaultLocked You "the vault is locked; unlock it",
    6002 WrongPassphrase You "this passphrase does not open the vault; nothing was changed",
    6003 VaultDamaged You "the vault is damaged; nothing more is written to it. Recover from the kit",
    6004 OldVault You "this vault is an older copy of itself; it must not send. Recover from the kit",
    6005 LocalDiskFull You "no room on this machine; nothing was lost or half-written",
    6006 ClockWrong You "this machine's clock differs from the relay's; set it and repeat",
    6007 NoProfile You "there is no such profile here; `telesphor identity new` makes one",
    6008 ProfileExists You "a profile of this name exists already",
    6009 Unreachable You "the relay cannot be reached; what was to be sent waits in the outbox",
    6010 NotFound You "nothing of that name was found",
    6011 Ambiguous You "this names more than one thing; give more letters of it",
    6012 InputRefused You "this file was refused; nothing was taken from it",
    6013 Usage You "the command was not called as it must be; see --help",
    6014 LocalIo You "this machine did not let a file be read or written",
    6015 AgentFault Us "a fault in this program; nothing was sent",
    6016 NotYetDurable You "not yet confirmed; it stays in the outbox and goes on by itself",
    6017 VaultInUse You "another run of this program has this vault open; end it or wait for it",
    6018 NotLetIn You "this device was not let in yet; `telesphor endpoint join LINK` goes on where it was",
    6019 EndpointEnded You "this device was removed from its identity: what it holds can be read, nothing new comes and nothing is sent",
    6020 WrongIdentityPassphrase You "this passphrase does not open the identity key; nothing was changed",
    6021 ThisEndpoint You "a device cannot remove itself; do it on another one, or use `telesphor recover` there",
    6022 NewKitDue You "a removed device knew where backups go and how they open: make a new kit first, `telesphor identity rotate`",
    6030 KitUntested You "the recovery kit was never tested; if this device is lost, only a kit that works brings everything back",
    6031 CannotFollow You "this device cannot follow one of its conversations any more; what comes there is kept at the relay",
    6040 NothingToAccept You "nobody sent or showed you this; only what came from somebody can be accepted or declined",
    6041 Retracted You "its author has taken this document back; it must not be relied on",
    6042 NotAuthor You "only the author of a document can correct it or take it back",
    6043 Replaced You "a newer document stands in its place; use that one",
    6050 NobodySignedIn You "several people use this device and nobody is signed in; `telesphor sign-in`",
    6051 NotPresent You "this does not say who is at this device now: it was said for another device, its time is over, or it is not genuine; say it anew",
    6060 TeamFull You "this team is as large as one message can carry: nobody more comes in until somebody goes; share with a smaller role",
    6070 NoSuchPart You "there is no such part, or it is shown only whole; `telesphor disclose ID` lists the parts",
    6080 NotCollection You "this document is no signed list of documents that go together",
    6081 NotReferral You "this document is no referral; the doctor who refers sends one with `--kind referral`",
    6082 FileNotTold You "where this file lies was not told yet, or it was erased here: try again later, or ask whoever sent it",
    6083 NotStudy You "this document is no study",

    7001 BadDocument Peer "not genuine: the signature does not belong to this document and author",
    7002 BrokenHistory Peer "not genuine: the author's key history does not hold together",
    7003 Disputed Peer "the author's key history is disputed; do not rely on it until it is settled",
    7004 KeyNotValidThen Peer "not genuine: the author's key was not valid at that time",
    7005 NotAttested Peer "nobody whom you trust says that the author has this role",
    7006 AttestationEnded Peer "the author's attestation had ended or was withdrawn at that time",
    7007 StatusTooOld You "the list of withdrawn attestations is too old; fetch a new one",
    7008 BrokenChain Operator "the relay's history does not fit what was read before; keep the evidence and tell the operator",
    7009 BadReceipt Operator "the relay's receipt proves nothing; the message is kept and sent again",
    7010 Unverified You "this contact has not been compared yet; compare the words first",
    7011 CannotOpen You "this was not sealed to any key held here",
    7012 VoidCommit Peer "a member tried to change the team in a way its rules do not allow; it has no effect",
    7013 WrongRelay Operator "this is not the relay that was agreed on; nothing was sent to it",
    7014 InviteUsed Peer "this invitation has been used already; if not by you, tell the one who sent it",
    7015 InviteExpired You "this invitation has expired; ask for a new one",
    7020 MandateForged Peer "not genuine: the mandate is signed neither by the one it speaks for nor by an authority that you trust for it",
    7021 MandateOther Peer "not genuine: the mandate is for somebody else, or somebody else holds it",
    7030 MadeOutElsewhere Peer "made out to somebody else, or for another occasion: it proves nothing here; ask for one made out to you",
    7031 NotTheHolder Peer "not shown by the one for whom the document was written; ask that person",
    7032 PartsUnsound Peer "these parts were not put together as they must be: what belongs to them is missing, or something stands there twice",
    7040 LabForgedOrder Peer "not genuine: no hospital that you know lets somebody order so; do not work on it",
    7041 LabOtherResult Peer "not genuine: made for another order, or by another laboratory than the one that was asked; do not rely on it",
    7042 LabNotYours Peer "not genuine: what was signed when this was ordered does not lead to this person; do not rely on it",
    7043 LabOldResult Peer "an older result was sent again after a newer one; the newer one counts",
    7044 StudyForged Peer "not genuine: this does not belong to the study, or not to whoever takes part in it; it was not counted",
    7045 VoucherForged Peer "not genuine: this voucher was not signed for this study; pay nothing on it",
    7046 SumUnsound Peer "these halves do not belong together, or are no number that the study allows; they were not counted",
    7050 FileChanged Peer "this file is not what its author signed; nothing of it was written from that place on",
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "T-{:04}", self.code())
    }
}
