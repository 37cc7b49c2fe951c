//! Who gets nothing from the page: other pages, other users of the machine, whoever comes too
//! late, too slowly, or with too much. Real sockets, the real binary.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::common;
use crate::people;
use crate::relay;
use crate::visit;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::Home;
use people::joined;
use relay::Relay;
use visit::{Answer, Page, Visitor};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// A profile of somebody whose name must not get out.
fn stage(folder: &std::path::Path) -> Option<(Relay, Home)> {
    let Some(relay) = Relay::start(folder) else {
        eprintln!("not run: telesphor-relay is not built");
        return None;
    };
    let aino = joined(&relay, "Aino Korhonen");
    Some((relay, aino))
}

fn refused(answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}\n{}", answer.head, answer.body);
    for name in ["Aino", "Korhonen", "token"] {
        assert!(!answer.body.contains(name), "{what} says {name}");
    }
    assert!(answer.header("set-cookie").is_none(), "{what} lets somebody in");
    guarded(answer, what);
}

/// The headers that every answer has.
fn guarded(answer: &Answer, what: &str) {
    let policy = answer.header("content-security-policy").unwrap_or_default();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{what}: {}", answer.head);
    }
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{what}: {}", answer.head);
    }
}

fn without_a_key(page: &Page) {
    let host = page.host();
    let host = ("Host", host.as_str());
    for path in [
        "/",
        "/who",
        "/log",
        "/news?since=0",
        "/page.css",
        "/enter",
        "/favicon.ico",
        "/.git/config",
    ] {
        refused(&page.ask("GET", path, &[host], ""), 403, path);
    }
    let guess = format!("/enter/{}", "0".repeat(64));
    refused(&page.ask("GET", &guess, &[host], ""), 403, "a guess");
    refused(&page.ask("GET", "/enter/", &[host], ""), 403, "no secret");
    let origin = format!("http://{}", page.host());
    let post = page.ask(
        "POST",
        page.secret_path(),
        &[host, ("Origin", &origin), FORM],
        "a=1",
    );
    refused(&post, 403, "the link by another method");
    // None of it used the link up.
}

fn with_the_cookie_from_elsewhere(v: &Visitor<'_>) {
    let page = v.page;
    let cookie = ("Cookie", v.cookie.as_str());
    let who = format!("{}who", v.room);
    let host = page.host();
    let host = ("Host", host.as_str());
    // A name of the attacker's that points at this machine: the browser has no cookie for it, but
    // even with one nothing is said.
    for name in ["rebound.example", "localhost", "127.0.0.1", "[::1]"] {
        let named = format!("{name}:{}", page.address.port());
        if named != page.host() {
            refused(&page.ask("GET", &who, &[("Host", &named), cookie], ""), 421, name);
        }
    }
    refused(&page.ask("GET", &who, &[cookie], ""), 421, "no host");
    for site in ["cross-site", "same-site"] {
        let from = [host, cookie, ("Sec-Fetch-Site", site)];
        refused(&page.ask("GET", &who, &from, ""), 403, site);
    }
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        refused(
            &page.ask("GET", &who, &[host, cookie, ("Origin", origin)], ""),
            403,
            origin,
        );
        let token = format!("token={}&", v.token);
        let from = [host, cookie, ("Origin", origin), FORM];
        refused(
            &page.ask("POST", &format!("{}lock", v.room), &from, &token),
            403,
            origin,
        );
    }
    refused(
        &page.ask("GET", &who, &[host], ""),
        403,
        "the room without the cookie",
    );
    refused(
        &page.ask("GET", "/who", &[host, cookie], ""),
        403,
        "the cookie without the room",
    );
    for method in ["HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"] {
        refused(&page.ask(method, &who, &[host, cookie], ""), 405, method);
    }
}

fn forms_of_somebody_elses(v: &Visitor<'_>) {
    let origin = format!("http://{}", v.page.host());
    let host = v.page.host();
    let from = [
        ("Host", host.as_str()),
        ("Cookie", &v.cookie),
        ("Origin", &origin),
        FORM,
    ];
    let lock = format!("{}lock", v.room);
    for body in [
        "token=",
        "x=1",
        "token=0000",
        &format!("token={}&token={}", v.token, v.token),
    ] {
        refused(&v.page.ask("POST", &lock, &from, body), 403, body);
    }
    let json = [from[0], from[1], from[2], ("Content-Type", "text/plain")];
    refused(
        &v.page.ask("POST", &lock, &json, &format!("token={}", v.token)),
        403,
        "no form",
    );
    assert_eq!(v.get("who").status, 200, "it was locked all the same");
}

fn too_much(v: &Visitor<'_>) {
    let host = v.page.host();
    let with = [("Host", host.as_str()), ("Cookie", v.cookie.as_str())];
    let long = format!("{}who?x={}", v.room, "a".repeat(4000));
    refused(&v.page.ask("GET", &long, &with, ""), 414, "a long address");
    let fill = "a".repeat(100 * 1024);
    let many = v
        .page
        .ask("GET", &v.room, &[with[0], with[1], ("X-Fill", &fill)], "");
    refused(&many, 413, "a long head");
    let post = v.post("decline", &format!("why={fill}"));
    refused(&post, 413, "a long form");
}

#[test]
fn another_page_or_another_user_of_this_machine_gets_something() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_relay, aino)) = stage(folder.path()) else {
        return;
    };
    let page = Page::start(&aino, &[]);
    assert_eq!(page.address.ip().to_string(), "127.0.0.1", "it listens to others");
    without_a_key(&page);
    let visitor = page.enter();
    let inbox = visitor.get("");
    assert!(inbox.body.contains("Aino Korhonen"), "{}", inbox.body);
    guarded(&inbox, "the inbox");
    assert!(inbox.header("set-cookie").is_none());
    let host = page.host();
    let again = page.ask("GET", page.secret_path(), &[("Host", &host)], "");
    refused(&again, 403, "a link that was used");
    assert!(again.body.contains("was used"), "{}", again.body);
    with_the_cookie_from_elsewhere(&visitor);
    forms_of_somebody_elses(&visitor);
    too_much(&visitor);
    let nothing = visitor.get("nothing/here");
    assert_eq!(nothing.status, 404);
    guarded(&nothing, "nothing");
    assert_eq!(
        visitor.get("who").status,
        200,
        "after all that its owner is served"
    );
}

#[test]
fn somebody_who_sends_slowly_keeps_the_owner_out() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_relay, aino)) = stage(folder.path()) else {
        return;
    };
    let page = Page::start(&aino, &[]);
    let visitor = page.enter();
    // More than there are places, each with half a request, and some with half a form.
    let half = format!(
        "POST {}lock HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nOrigin: http://{}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ntok",
        visitor.room,
        page.host(),
        visitor.cookie,
        page.host()
    );
    let slow: Vec<TcpStream> = (0..100)
        .map(|i| {
            let mut stream = TcpStream::connect(page.address).unwrap();
            let begin = if i % 2 == 0 { "GET / HT" } else { &half };
            stream.write_all(begin.as_bytes()).unwrap();
            stream
        })
        .collect();
    let begun = Instant::now();
    assert_eq!(visitor.get("who").status, 200);
    eprintln!(
        "served after {:?} behind {} slow ones",
        begun.elapsed(),
        slow.len()
    );
    // Each of them is cut off, and is told nothing of the profile.
    for mut stream in slow {
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("it is kept for ever");
        assert!(!said.contains("Aino"), "{said}");
    }
}

/// Reads a stream of news until a line fits.
fn wait_for(stream: &mut BufReader<TcpStream>, fits: &str) {
    let mut line = String::new();
    while !line.contains(fits) {
        line.clear();
        assert_ne!(
            stream.read_line(&mut line).expect("news come"),
            0,
            "the news end before {fits}"
        );
    }
}

fn listen(v: &Visitor<'_>) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(v.page.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let ask = format!(
        "GET {}news?since=0 HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n",
        v.room,
        v.page.host(),
        v.cookie
    );
    stream.write_all(ask.as_bytes()).unwrap();
    let mut stream = BufReader::new(stream);
    wait_for(&mut stream, "HTTP/1.1 200");
    stream
}

#[test]
fn a_locked_profile_is_still_shown() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_relay, aino)) = stage(folder.path()) else {
        return;
    };
    let page = Page::start(&aino, &[]);
    let visitor = page.enter();
    let mut news = listen(&visitor);
    aino.run(&["lock"]).ok();
    for path in ["", "who", "log", "teams", &format!("patient/{}", "x")] {
        let answer = visitor.get(path);
        assert!(matches!(answer.status, 423 | 404), "{path}: {}", answer.head);
        assert!(!answer.body.contains("Aino"), "{path} is shown");
    }
    wait_for(&mut news, "event: locked");
    // The same browser sees it again only after the passphrase was given.
    aino.run(&["unlock", "--for", "1h"]).ok();
    assert!(visitor.shown("").contains("Aino Korhonen"));
    // From the page, too; and then the command line asks as well.
    assert_eq!(visitor.post("lock", "").status, 303);
    assert_eq!(visitor.get("").status, 423);
    assert_eq!(common::ran(aino.bare(&["list"]).output().unwrap()).code, 8);
}

#[test]
fn a_page_that_nobody_uses_stays_open_because_it_asks_for_news() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_relay, aino)) = stage(folder.path()) else {
        return;
    };
    let page = Page::start(&aino, &["--idle", "8s"]);
    let visitor = page.enter();
    let mut news = listen(&visitor);
    wait_for(&mut news, "event: locked");
    assert_eq!(visitor.get("").status, 423);
    assert_eq!(common::ran(aino.bare(&["list"]).output().unwrap()).code, 8);
}

#[test]
fn a_command_cannot_have_the_profile_while_the_page_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_relay, aino)) = stage(folder.path()) else {
        return;
    };
    let page = Page::start(&aino, &[]);
    let visitor = page.enter();
    let _news = listen(&visitor);
    for _ in 0..5 {
        aino.run(&["status"]).ok();
        assert_eq!(visitor.get("who").status, 200);
        std::fs::write(aino.path("ecg.txt"), "ECG").unwrap();
        aino.run(&["add", "ecg.txt", "--scope", "heart"]).ok();
        assert!(visitor.shown("").contains("Aino Korhonen"));
    }
    // A page that ends gives the lock back that it had opened by itself.
    drop(page);
    aino.run(&["lock"]).ok();
    let page = Page::start(&aino, &[]);
    assert_eq!(
        page.enter().get("who").status,
        200,
        "it asked for the passphrase itself"
    );
}
