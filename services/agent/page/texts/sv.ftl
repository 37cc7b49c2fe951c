# The page's own words, in Swedish. Facts of the record, of grants and of the log are said in
# the words of the command line, which are English. A test holds this file against what is said.

# Around every page
skip = Hoppa till innehållet
name = Telesphor
pages = Sidor
signed-in = Inloggad:
nobody-signed-in = ingen
on-device = på { $name }
patient-open = Öppen patient:
patient-none = ingen
relay = Relä:
as-of = Läget
not-newest = Inte det senaste: { $name }.
lock-now = Lås nu
no-alarm-system = Inget larmsystem. Här visas det som har nått den här enheten.
look-again = Titta igen
news-line = Något nytt har kommit.

# What came
inbox = Inkommet
inbox-nothing = Inget har kommit.
inbox-not-loaded = Det som har kommit under tiden är inte hämtat ännu.
about-nobody = Inte om någon särskild
counts-urgent = { $n ->
    [one] { $n } brådskande
   *[other] { $n } brådskande
  }
counts-open = { $n ->
    [one] { $n } som ingen har tagit emot
   *[other] { $n } som ingen har tagit emot
  }
documents = { $n ->
    [one] { $n } dokument
   *[other] { $n } dokument
  }
no-document-yet = Inget dokument om den här personen har kommit ännu.
open-record = Allt om { $name } som finns här
allergies-own-nothing = ALLERGIER: inget står i din journal. Det är inte samma sak som att inga är kända.

# One document in a list
by = Av
came = Kom
scopes = Områden
way = Hur
until = Till
answered = Svar
kind = Slag
open-it = Öppna { $name }
open-tells = När du öppnar det får avsändaren veta det.

# A patient
record = Min journal
record-what = Vad av den som finns här
record-what-own = Efter område
record-note = Det som inte har delats med dig visas inte som tomt: om det finns något vet man inte här.
scope-not-shared = INTE DELAT MED DIG
scope-nothing = inget skrivet
record-by = Du ser detta som { $name }
documents-here = Dokument
nothing-shared = Inget dokument om den här personen har delats med dig. Det betyder inte att det inte finns något.
nothing-own = Det finns inget i din journal ännu.
not-loaded = Allt har inte kommit från relät ännu: det som saknas här är kanske bara inte hämtat.

# A document
signed = Underskrivet
checks = Vad som har kontrollerats
gone = Det kan inte visas
closed = Det har inte öppnats ännu.
not-current = GÄLLER INTE LÄNGRE: { $name }
content = Vad det säger
facts-cut = Det finns mer: se det så som det skrevs under.
as-signed = Så som det skrevs under
not-text = Det är inte text. För att få det: telesphor read { $name } --output FIL
size = { $n } byte
accept = Jag tar hand om det
decline = Avböj…
decline-why = Varför inte
decline-hint = Avsändaren läser detta.
decline-now = Avböj
decline-title = Avböj: { $name }
accepted-now = Du har tagit hand om det. Avsändaren får veta det.
declined-now = Du har avböjt det. Avsändaren får veta det.
back = Tillbaka
to-patient = Allt om { $name }

# Who
who = Vem kan se
who-nobody = Ingen utom du.
who-teams = Roller i organisationer
why = Varför
last-opened = Senast öppnat
not-opened = inte öppnat
opened-of = öppnade: { $n }
show-documents = { $n ->
    [one] Visa { $n } dokument
   *[other] Visa { $n } dokument
  }
revoke = Avsluta: { $name }
revoke-link = Avsluta det som { $name } ser…
revoke-preview = Vad som avslutas
revoke-only = Bara ett område av det
revoke-scope = Bara { $name }
revoke-all = Allt
revoke-opened = { $n ->
    [0] Inget av dem har öppnats.
    [one] { $n } av dem har öppnats: någon kan minnas eller ha kopierat det, och inget tar tillbaka det.
   *[other] { $n } av dem har öppnats: någon kan minnas eller ha kopierat dem, och inget tar tillbaka det.
  }
revoke-given = { $n ->
    [one] { $n } dokument gavs för gott: det stannar.
   *[other] { $n } dokument gavs för gott: de stannar.
  }
revoke-how = Från och med då lämnar relät inte ut det längre, och den andra sidans program raderar det som visades.
revoke-now = Avsluta nu
revoke-keep = Låt det vara som det är
revoke-team-how = Ingen i den här rollen ser det längre, vem som än är i tjänst.
done = Klart { $name }.

# The log
log = Logg
log-lines = Vem som öppnade och vem som hämtade, det nyaste först
log-nothing = Ingen har tittat på något.
log-more = { $n } äldre rader: telesphor log
log-worth = Vad loggen är värd
alarm-region = Larm

# Teams
teams = Team
team-own = ser min journal
team-sitting = jag är med där
team-called = jag är kallad dit
team-over = avslutat
team-patient = Patient
team-people = I tjänst där
team-nobody = Ingen är med där.
team-until = till
team-served = Lämnas ut till
until-revoked = tills det avslutas

# Instead of a page
locked = Låst
locked-line = Den här profilen är låst: inget av den visas. I en terminal: telesphor unlock. Titta sedan igen.
busy = Används
busy-line = Ett annat telesphor-kommando har profilen öppen. Sidan fortsätter när det är klart.
nothing = Inget här
nothing-line = Det finns inget på den här adressen, eller inte längre.
failed = Det gick inte
refused = Nekat.
refused-key = Inget här. Öppna länken som telesphor page skrev ut, i den här webbläsaren, en gång.
refused-spent = Länken har använts, eller är för gammal. Om det inte var du: stoppa telesphor page. Starta det igen för en ny länk.
