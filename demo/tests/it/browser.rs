//! The page in a real browser: whether everybody can use it, and do everything with a keyboard.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use telesphor_chaos::relay::Relay;
use telesphor_demo::acts::cast::{acquaint, join, settle};
use telesphor_demo::browser::{Browser, Key, program};
use telesphor_demo::stage::Person;
use telesphor_demo::visitor::Visitor;

/// The judge, as `scripts/axe` fetched it.
fn judge() -> Option<String> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".cache")))?;
    std::fs::read_to_string(cache.join("telesphor/axe-core-4.14.1/axe.min.js")).ok()
}

/// Browser and judge, or `None`: then nothing is tested here, unless that was required.
fn ready() -> Option<String> {
    let judge = program().and_then(|_| judge());
    if judge.is_none() {
        assert!(
            std::env::var_os("TELESPHOR_BROWSER").is_none(),
            "no chromium or no axe-core: scripts/setup installs both"
        );
        eprintln!("not run: no chromium or no axe-core (scripts/setup)");
    }
    judge
}

struct Stage {
    _relay: Relay,
    aino: Person,
    doctor: Person,
}

/// Aino with the demo's record; her doctor, who is shown a part of it and wrote to her; a
/// hospital whose ward sees another part.
fn stage(folder: &Path) -> Stage {
    let mut relay = Relay::init(&folder.join("relay"), "hospital-a.example").unwrap();
    relay.start().unwrap();
    let people = folder.join("people");
    let aino = join(&relay, &people, "aino", "Aino Korhonen", "patient").unwrap();
    let doctor = join(&relay, &people, "dr-virtanen", "Dr Virtanen", "clinician").unwrap();
    let hospital = join(&relay, &people, "hospital", "Hospital A", "organisation").unwrap();
    acquaint(&aino, &doctor, "aino").unwrap();
    acquaint(&aino, &hospital, "aino").unwrap();
    acquaint(&doctor, &hospital, "dr-virtanen").unwrap();
    let bundle = concat!(env!("CARGO_MANIFEST_DIR"), "/data/bundle.json");
    aino.run(&["add", bundle]).unwrap();
    let until = ["--until", "90d", "--why", "follow-up", "--yes"];
    let share = ["share", "scope:heart", "scope:allergies", "--with", "dr-virtanen"];
    aino.run(&[&share[..], &until].concat()).unwrap();
    let roster = people.join("ward.toml");
    let turn = "place = \"Ward 4B\"\n\n[[turn]]\nperson = \"dr-virtanen\"\nrole = \"cardiologist\"\nfrom = 2026-01-01T00:00:00Z\nuntil = 2036-01-01T00:00:00Z\n";
    std::fs::write(&roster, turn).unwrap();
    hospital
        .run(&[
            "team",
            "roster",
            "publish",
            &roster.to_string_lossy(),
            "--good",
            "7d",
        ])
        .unwrap();
    settle(&[&hospital, &aino, &doctor]).unwrap();
    let role = ["share", "scope:medication", "--with", "cardiologist@hospital-a"];
    aino.run(&[&role[..], &until].concat()).unwrap();
    let note = people.join("note.txt");
    std::fs::write(&note, "Potassium 7.1 mmol/l. Come to the ward today.").unwrap();
    let note = note.to_string_lossy();
    doctor
        .run(&["send", "aino", &note, "--urgent", "--ack-by", "1h"])
        .unwrap();
    settle(&[&hospital, &doctor, &aino, &hospital, &doctor, &aino]).unwrap();
    Stage {
        _relay: relay,
        aino,
        doctor,
    }
}

/// What the judge finds on what is shown.
fn judged(browser: &mut Browser, judge: &str) -> Vec<String> {
    browser.run(judge).unwrap();
    let found = browser
        .run(
            "axe.run(document, { runOnly: { type: 'tag', values: \
             ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] } })\
             .then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join('; ')))",
        )
        .unwrap();
    let found = found.as_array().cloned().unwrap_or_default();
    found
        .iter()
        .map(|v| v.as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Every kind of page that links lead to, two of each kind.
fn all_pages(visitor: &mut Visitor) -> Vec<String> {
    let (mut kinds, mut pages) = (BTreeMap::<String, usize>::new(), vec![String::new()]);
    let mut at = 0;
    while at < pages.len() {
        visitor.go(&pages[at]).unwrap();
        at += 1;
        let links = visitor
            .browser
            .run("[...document.links].map(a => a.href)")
            .unwrap();
        for link in links.as_array().unwrap().iter().filter_map(Value::as_str) {
            let Some(path) = link.split('#').next().and_then(|l| l.strip_prefix(&visitor.room)) else {
                continue;
            };
            let kind = path.split(['/', '?']).next().unwrap().to_owned();
            let seen = kinds.entry(kind).or_default();
            if *seen < 2 && !pages.iter().any(|p| p == path) {
                *seen += 1;
                pages.push(path.to_owned());
            }
        }
    }
    pages
}

fn judge_all(person: &Person, folder: &Path, judge: &str, pictures: &Path) -> Vec<String> {
    let mut visitor = Visitor::enter(person, folder).unwrap();
    let mut pages = all_pages(&mut visitor);
    pages.push("nothing".to_owned());
    let mut faults = Vec::new();
    for (i, path) in pages.iter().enumerate() {
        for (width, dark) in [(1100, false), (1100, true), (320, false), (320, true)] {
            visitor.browser.look(width, dark).unwrap();
            visitor.go(path).unwrap();
            let wide = visitor
                .browser
                .run("document.documentElement.scrollWidth")
                .unwrap();
            let found = judged(&mut visitor.browser, judge);
            let what = format!(
                "{} {path} at {width}{}",
                person.profile,
                if dark { ", dark" } else { "" }
            );
            faults.extend(found.into_iter().map(|f| format!("{what}: {f}")));
            if wide.as_u64().unwrap() > u64::from(width) {
                faults.push(format!("{what}: it is {wide} wide"));
            }
            let kind = path.split(['/', '?']).next().unwrap();
            let name = format!(
                "{}-{i}-{kind}-{width}-{}.png",
                person.profile,
                if dark { "dark" } else { "light" }
            );
            visitor.browser.picture(&pictures.join(name)).unwrap();
        }
    }
    eprintln!(
        "{}: {} pages, in both colours and widths: {pages:?}",
        person.profile,
        pages.len()
    );
    for needed in ["who", "log", "patient", "document", "teams"] {
        assert!(
            pages.iter().any(|p| p.starts_with(needed)),
            "no link leads to {needed}"
        );
    }
    faults
}

#[test]
fn somebody_who_cannot_see_well_or_uses_a_small_window_cannot_use_a_page() {
    let Some(judge) = ready() else { return };
    let folder = tempfile::tempdir().unwrap();
    let stage = stage(folder.path());
    // Opened ones differ from closed ones: one of what is shown, and one of what is sent.
    let shown = stage.doctor.json(&["inbox"]).unwrap();
    let first = shown.iter().find(|d| d["direction"] != "mine").unwrap();
    stage
        .doctor
        .run(&["read", first["id"].as_str().unwrap()])
        .unwrap();
    settle(&[&stage.doctor, &stage.aino]).unwrap();
    let pictures = std::env::var_os("TELESPHOR_PICTURES").map(PathBuf::from);
    let pictures = pictures.unwrap_or_else(|| folder.path().join("pictures"));
    std::fs::create_dir_all(&pictures).unwrap();
    let mut faults = judge_all(&stage.aino, folder.path(), &judge, &pictures);
    faults.extend(judge_all(&stage.doctor, folder.path(), &judge, &pictures));
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// What has the focus: its words, and whether one sees that it has it.
fn focused(browser: &mut Browser) -> (String, bool) {
    let at = browser
        .run(
            "(() => { const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect(); \
             return [e === document.body ? '' : e.getAttribute('aria-label') || e.innerText || e.name || '', \
             s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 && r.bottom > 0 && r.top < innerHeight]; })()",
        )
        .unwrap();
    let words = at[0].as_str().unwrap_or_default().trim().to_owned();
    (words, at[1].as_bool().unwrap_or(false))
}

/// Goes on with Tab until something with these words has the focus.
/// In how many stops it came there.
fn tab_to(browser: &mut Browser, wanted: &str) -> usize {
    for stops in 1..300 {
        browser.press(Key::Tab).unwrap();
        let (words, visible) = focused(browser);
        assert!(
            visible || words.is_empty(),
            "one does not see that {words} has the focus"
        );
        if words.contains(wanted) {
            return stops;
        }
    }
    let page = browser.text("document.body.innerText").unwrap();
    panic!("Tab never comes to {wanted}:\n{page}");
}

fn follow(browser: &mut Browser, wanted: &str) {
    tab_to(browser, wanted);
    browser.lead(|b| b.press(Key::Enter)).unwrap();
}

#[test]
fn something_cannot_be_done_with_a_keyboard_alone_or_without_scripts() {
    if ready().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let stage = stage(folder.path());
    let mut visitor = Visitor::enter(&stage.aino, folder.path()).unwrap();

    // The first stop leads past everything that stands above the content.
    visitor.browser.press(Key::Tab).unwrap();
    assert_eq!(
        focused(&mut visitor.browser),
        ("Skip to the content".to_owned(), true)
    );
    visitor.browser.press(Key::Enter).unwrap();
    let stops = tab_to(&mut visitor.browser, "Potassium 7.1");
    assert!(
        stops <= 2,
        "{stops} stops on the way to the first urgent document"
    );

    // Open, take it.
    visitor.browser.lead(|b| b.press(Key::Enter)).unwrap();
    assert!(visitor.words().unwrap().contains("Come to the ward today"));
    follow(&mut visitor.browser, "I take it");
    assert!(visitor.words().unwrap().contains("You have taken it"));

    // End what the doctor sees: look first, unfold the list, then the deed.
    follow(&mut visitor.browser, "Who can see");
    follow(&mut visitor.browser, "End what dr-virtanen sees");
    assert!(visitor.words().unwrap().contains("What will end"));
    tab_to(&mut visitor.browser, "Show");
    visitor.browser.press(Key::Space).unwrap();
    assert_eq!(
        visitor
            .browser
            .run("document.querySelector('details').open")
            .unwrap(),
        true
    );
    follow(&mut visitor.browser, "End it now");
    assert!(
        visitor.words().unwrap().contains("had opened none of them"),
        "{:?}",
        visitor.words()
    );

    // The same for the ward, in a browser that runs no scripts.
    visitor.browser.scripts(false).unwrap();
    follow(&mut visitor.browser, "End what cardiologist sees");
    follow(&mut visitor.browser, "End it now");
    visitor.browser.scripts(true).unwrap();
    assert!(visitor.words().unwrap().contains("Done"), "{:?}", visitor.words());

    // Lock, and nothing is left on the screen.
    follow(&mut visitor.browser, "Lock now");
    let locked = visitor.words().unwrap();
    assert!(locked.contains("Locked") && !locked.contains("Aino"), "{locked}");
    drop(visitor);

    stage.aino.run(&["unlock"]).unwrap();
    settle(&[&stage.aino, &stage.doctor]).unwrap();
    let grants = stage.aino.json(&["who"]).unwrap();
    assert!(grants.iter().all(|g| g["state"] != "shown"), "{grants:?}");
    let sent = stage.doctor.json(&["sent"]).unwrap();
    assert!(sent.iter().any(|s| s["acceptance"] == "accepted"), "{sent:?}");
    // What the browser opened stands in the sender's log as if `read` had.
    let log = stage.doctor.json(&["log"]).unwrap();
    assert!(
        log.iter()
            .any(|l| l["what"] == "opened" && l["words"].to_string().contains("Aino")),
        "{log:?}"
    );
}
