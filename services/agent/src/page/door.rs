//! The keys of one run of the page: the link that is printed, the cookie that it is exchanged
//! for, the room that the cookie belongs to, and the token that every form carries.
//!
//! A browser gives a cookie of 127.0.0.1 to every port of it, so another user of this machine
//! could have it shown to a server of his own. The cookie is therefore bound to a path that
//! nobody can guess, the *room*: a browser shows it nowhere else.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use subtle::ConstantTimeEq;
use telesphor_wire::hash::Secret;
use zeroize::Zeroizing;

use super::gate::Refusal;
use super::http::Head;
use super::limits;

const COOKIE: &str = "telesphor";

/// A secret of 256 bits as text.
type Key = Zeroizing<String>;

fn key() -> Key {
    use std::fmt::Write;
    let mut text = Zeroizing::new(String::with_capacity(64));
    for byte in Secret::random().expose() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// The keys.
pub(super) struct Door {
    /// `127.0.0.1:PORT`.
    pub(super) authority: String,
    /// The path of everything that is shown, `/.../`.
    pub(super) room: String,
    /// What every form carries.
    pub(super) token: Key,
    cookie: Key,
    link: Mutex<Option<(Key, Instant)>>,
}

impl Door {
    pub(super) fn new(authority: String) -> Self {
        let room: String = key().chars().take(32).collect();
        Self {
            authority,
            room: format!("/{room}/"),
            token: key(),
            cookie: key(),
            link: Mutex::new(Some((key(), Instant::now()))),
        }
    }

    /// The link to print. Empty once it was used.
    pub(super) fn link(&self) -> Zeroizing<String> {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let key = link.as_ref().map_or("", |(key, _)| key.as_str());
        Zeroizing::new(format!("http://{}/enter/{key}", self.authority))
    }

    /// Takes the link's secret, once, and gives the cookie to set.
    pub(super) fn enter(&self, secret: &str, now: Instant) -> Result<String, Refusal> {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        match &*link {
            None => Err(Refusal::Spent),
            Some((_, made)) if now.duration_since(*made) > limits::LINK => {
                *link = None;
                Err(Refusal::Spent)
            }
            Some((key, _)) if !same(key, secret) => Err(Refusal::Key),
            Some(_) => {
                *link = None;
                Ok(format!(
                    "{COOKIE}={}; Path={}; HttpOnly; SameSite=Strict",
                    self.cookie.as_str(),
                    self.room
                ))
            }
        }
    }

    /// The part of an address behind the room, for whoever has the cookie.
    pub(super) fn inside<'h>(&self, head: &'h Head) -> Result<&'h str, Refusal> {
        let (path, _) = head.parts();
        let room = path.get(..self.room.len()).unwrap_or_default();
        let cookies = head.all("cookie").flat_map(|all| all.split(';'));
        let has = cookies
            .filter_map(|one| one.trim().split_once('='))
            // Another server of this machine can add one of the same name, never take this one.
            .any(|(name, value)| name == COOKIE && same(value, &self.cookie));
        match same(room, &self.room) && has {
            true => Ok(&path[self.room.len()..]),
            false => Err(Refusal::Key),
        }
    }

    /// Whether a form is one of this page's.
    pub(super) fn is_own(&self, token: &str) -> bool {
        same(token, &self.token)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn asked(path: &str, cookie: &str) -> Head {
        let text = format!("GET {path} HTTP/1.1\r\nCookie: {cookie}\r\n\r\n");
        Head::parse(text.as_bytes()).unwrap().unwrap().0
    }

    #[test]
    fn a_link_lets_a_second_one_in_or_works_for_ever() {
        let door = Door::new("127.0.0.1:1".to_owned());
        let link = door.link();
        let secret = link.rsplit('/').next().unwrap().to_owned();
        let now = Instant::now();
        assert_eq!(door.enter("", now), Err(Refusal::Key));
        assert_eq!(door.enter(&secret[..63], now), Err(Refusal::Key));
        let cookie = door.enter(&secret, now).unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
        assert!(
            cookie.contains(&format!("Path={}", door.room)),
            "it is shown to other ports"
        );
        assert_eq!(door.enter(&secret, now), Err(Refusal::Spent));

        let old = Door::new("127.0.0.1:1".to_owned());
        let link = old.link();
        let late = now + limits::LINK * 2;
        assert_eq!(
            old.enter(link.rsplit('/').next().unwrap(), late),
            Err(Refusal::Spent)
        );
        assert_eq!(
            old.enter(link.rsplit('/').next().unwrap(), now),
            Err(Refusal::Spent)
        );
    }

    #[test]
    fn the_room_opens_without_the_cookie_or_the_cookie_without_the_room() {
        let door = Door::new("127.0.0.1:1".to_owned());
        let secret = door.link().rsplit('/').next().unwrap().to_owned();
        let set = door.enter(&secret, Instant::now()).unwrap();
        let cookie = set.split(';').next().unwrap();
        let who = format!("{}who", door.room);
        let inside = |path: &str, cookie: &str| door.inside(&asked(path, cookie)).map(str::to_owned);
        assert_eq!(inside(&who, cookie), Ok("who".to_owned()));
        assert_eq!(
            inside(&who, &format!("telesphor=0; {cookie}")),
            Ok("who".to_owned())
        );
        for (path, cookie) in [
            (who.as_str(), ""),
            (&who, "telesphor="),
            (&who, "x=1"),
            ("/who", cookie),
            ("/", cookie),
            (&format!("/x{who}"), cookie),
        ] {
            assert_eq!(inside(path, cookie), Err(Refusal::Key), "{path} {cookie}");
        }
        assert!(!door.is_own("") && door.is_own(&door.token));
    }
}
