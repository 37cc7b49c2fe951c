//! `telesphor page` as a process, and somebody who speaks HTTP to it over a socket of his own.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

use super::common::Home;

pub struct Page {
    child: Child,
    pub address: SocketAddr,
    pub link: String,
}

/// What came back: all of it, the status, the body.
pub struct Answer {
    pub head: String,
    pub status: u16,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|l| l.split_once(": "));
        lines.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }
}

impl Page {
    pub fn start(home: &Home, arguments: &[&str]) -> Self {
        let mut command = home.command(&[&["page"], arguments].concat());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut link = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut link).unwrap();
        let link = link.trim().to_owned();
        let rest = link.strip_prefix("http://").expect("a link is printed");
        let address = rest.split('/').next().unwrap().parse().unwrap();
        Self { child, address, link }
    }

    /// Bytes as they are; everything that comes back until the other side ends it.
    pub fn raw(&self, bytes: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // A refusal may come, and the connection end, before all of it is written.
        let _ = stream.write_all(bytes.as_bytes());
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all);
        let all = String::from_utf8_lossy(&all).into_owned();
        let (head, body) = all.split_once("\r\n\r\n").unwrap_or((&all, ""));
        Answer {
            status: head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// A request as a browser would send it, with more headers.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        self.raw(&format!("{text}\r\n{body}"))
    }

    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn secret_path(&self) -> &str {
        &self.link[self.link.find("/enter/").unwrap()..]
    }

    /// Opens the link.
    pub fn enter(&self) -> Visitor<'_> {
        let host = self.host();
        let entered = self.ask("GET", self.secret_path(), &[("Host", &host)], "");
        assert_eq!(entered.status, 303, "{}", entered.head);
        let cookie = entered.header("set-cookie").unwrap();
        let mut visitor = Visitor {
            page: self,
            cookie: cookie.split(';').next().unwrap().to_owned(),
            room: entered.header("location").unwrap().to_owned(),
            token: String::new(),
        };
        let first = visitor.get("");
        assert_eq!(first.status, 200, "{}\n{}", first.head, first.body);
        let token = first.body.split("name=\"token\" value=\"").nth(1).unwrap();
        visitor.token = token.split('"').next().unwrap().to_owned();
        visitor
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody with the cookie.
pub struct Visitor<'p> {
    pub page: &'p Page,
    pub cookie: String,
    pub room: String,
    pub token: String,
}

impl Visitor<'_> {
    pub fn get(&self, path: &str) -> Answer {
        let headers = [("Host", self.page.host()), ("Cookie", self.cookie.clone())];
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        self.page
            .ask("GET", &format!("{}{path}", self.room), &headers, "")
    }

    /// A page that must be shown.
    pub fn shown(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}\n{}", answer.head, answer.body);
        answer.body
    }

    /// A form as a browser sends it, with other fields than the token.
    pub fn post(&self, path: &str, fields: &str) -> Answer {
        let headers = [
            ("Host", self.page.host()),
            ("Cookie", self.cookie.clone()),
            ("Origin", format!("http://{}", self.page.host())),
            ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
        ];
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let body = format!("token={}&{fields}", self.token);
        self.page
            .ask("POST", &format!("{}{path}", self.room), &headers, &body)
    }

    /// Where a form leads, shown.
    pub fn done(&self, path: &str, fields: &str) -> String {
        let answer = self.post(path, fields);
        assert_eq!(answer.status, 303, "{path}: {}\n{}", answer.head, answer.body);
        let to = answer.header("location").unwrap().to_owned();
        self.shown(to.strip_prefix(&self.room).unwrap())
    }
}

/// The words of a page, without its marks, every run of blanks as one.
pub fn words(html: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                out.push(' ');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    let marks = [
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&quot;", "\""),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    let out = marks.iter().fold(out, |text, (mark, c)| text.replace(mark, c));
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}
