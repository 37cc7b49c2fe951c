# The page's own words, in English. Facts of the record, of grants and of the log are said in
# the words of the command line. A test holds this file against what is said.

# Around every page
skip = Skip to the content
name = Telesphor
pages = Pages
signed-in = Signed in:
nobody-signed-in = nobody
on-device = on { $name }
patient-open = Patient open:
patient-none = none
relay = Relay:
as-of = As of
not-newest = Not the newest: { $name }.
lock-now = Lock now
no-alarm-system = Not an alarm system. What is shown here is what has reached this device.
look-again = Look again
news-line = Something new came.

# What came
inbox = What came
inbox-nothing = Nothing came.
inbox-not-loaded = What came meanwhile is not loaded yet.
about-nobody = About nobody in particular
counts-urgent = { $n ->
    [one] { $n } urgent
   *[other] { $n } urgent
  }
counts-open = { $n ->
    [one] { $n } not accepted by anybody
   *[other] { $n } not accepted by anybody
  }
documents = { $n ->
    [one] { $n } document
   *[other] { $n } documents
  }
no-document-yet = No document about this person has come yet.
open-record = All of { $name } that is here
allergies-own-nothing = ALLERGIES: nothing is written in your record. That is not the same as none known.

# One document in a list
by = By
came = Came
scopes = Scopes
way = How
until = Until
answered = Answer
kind = Kind
open-it = Open { $name }
open-tells = Opening it tells the sender that you did.

# A patient
record = My record
record-what = What of it is here
record-what-own = By scope
record-note = What was not shared with you is not shown as empty: whether there is anything is not known here.
scope-not-shared = NOT SHARED WITH YOU
scope-nothing = nothing written
record-by = You see this as { $name }
documents-here = Documents
nothing-shared = No document of this person is shared with you. That does not mean that there is none.
nothing-own = Nothing is in your record yet.
not-loaded = Not everything has come from the relay yet: what is missing here may only not be loaded.

# A document
signed = Signed
checks = What was checked
gone = It cannot be shown
closed = It has not been opened yet.
not-current = NOT CURRENT: { $name }
content = What it says
facts-cut = There is more: see it as it was signed.
as-signed = As it was signed
not-text = It is not text. To have it: telesphor read { $name } --output FILE
size = { $n } bytes
accept = I take it
decline = Decline…
decline-why = Why not
decline-hint = The sender reads this.
decline-now = Decline it
decline-title = Decline: { $name }
accepted-now = You have taken it. The sender learns it.
declined-now = You have declined it. The sender learns it.
back = Back
to-patient = All of { $name }

# Who
who = Who can see
who-nobody = Nobody but you.
who-teams = Roles of organisations
why = Why
last-opened = Last opened
not-opened = not opened
opened-of = opened: { $n }
show-documents = { $n ->
    [one] Show { $n } document
   *[other] Show { $n } documents
  }
revoke = End it: { $name }
revoke-link = End what { $name } sees…
revoke-preview = What will end
revoke-only = Only one scope of it
revoke-scope = Only { $name }
revoke-all = All of it
revoke-opened = { $n ->
    [0] None of them was opened.
    [one] { $n } of them was opened: it may be remembered or copied, and nothing takes that back.
   *[other] { $n } of them were opened: those may be remembered or copied, and nothing takes that back.
  }
revoke-given = { $n ->
    [one] { $n } document was given for good: it stays.
   *[other] { $n } documents were given for good: they stay.
  }
revoke-how = The relay serves it no more from then on, and the other side's program erases what it was shown.
revoke-now = End it now
revoke-keep = Leave it as it is
revoke-team-how = Nobody in this role sees it any more, whoever is on duty.
done = Done { $name }.

# The log
log = Log
log-lines = Who opened and who fetched, newest first
log-nothing = Nobody looked at anything.
log-more = { $n } older lines: telesphor log
log-worth = What the log is worth
alarm-region = Alarms

# Teams
teams = Teams
team-own = looks at my record
team-sitting = I sit there
team-called = I am called there
team-over = over
team-patient = Patient
team-people = On duty there
team-nobody = Nobody sits there.
team-until = until
team-served = Served until
until-revoked = until revoked

# Instead of a page
locked = Locked
locked-line = This profile is locked: nothing of it is shown. In a terminal: telesphor unlock. Then look again.
busy = In use
busy-line = Another telesphor command has this profile open. The page goes on when that has ended.
nothing = Nothing here
nothing-line = There is nothing at this address, or not any more.
failed = It did not work
refused = Refused.
refused-key = Nothing here. Open the link that telesphor page printed, in this browser, once.
refused-spent = This link was used, or is too old. If that was not you: stop telesphor page. For a new link start it again.
