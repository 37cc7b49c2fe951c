//! Taking connections and requests: bounded in number.

use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use telesphor_wire::error::ErrorCode;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::answer::{answer, failed};
use super::ask::Ask;
use super::form::Form;
use super::gate::{self, Refusal};
use super::http::{self, Head};
use super::keeper::Keeper;
use super::limits;
use super::reply::Reply;
use super::room::Room;
use crate::fault::Fault;

const ENTER: &str = "/enter/";
const FORM: &str = "application/x-www-form-urlencoded";

/// The page, at its address.
pub(crate) struct Page {
    listener: TcpListener,
    room: Arc<Room>,
}

impl Page {
    /// Takes a port of this machine alone; 0 takes any that is free.
    ///
    /// # Errors
    /// If the port cannot be had.
    pub(crate) async fn open(port: u16, keeper: Arc<Keeper>) -> crate::fault::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(|e| Fault::of(ErrorCode::LocalIo).with(format!("port {port}: {e}")))?;
        let authority = listener.local_addr()?.to_string();
        Ok(Self {
            listener,
            room: Arc::new(Room::new(authority, keeper)),
        })
    }

    /// The link that opens it, once.
    pub(crate) fn link(&self) -> Zeroizing<String> {
        self.room.door.link()
    }

    /// Serves it until `stop`.
    pub(crate) async fn serve(self, stop: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
        let mut connections = JoinSet::new();
        let keeper = self.room.keeper.clone();
        let watching = tokio::spawn(async move { keeper.watch().await });
        tokio::pin!(stop);
        loop {
            let next = async {
                // The place first: what cannot be served waits at the door.
                let place = places.clone().acquire_owned().await;
                (place, self.listener.accept().await)
            };
            tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next() => {}
                (place, taken) = next => match taken {
                    Ok((stream, _)) => {
                        let room = self.room.clone();
                        connections.spawn(async move {
                            let _place = place;
                            connection(&room, stream).await;
                        });
                    }
                    // Out of descriptors, perhaps: others will end.
                    Err(_) => tokio::time::sleep(limits::LOOK).await,
                },
            }
        }
        watching.abort();
        connections.shutdown().await;
        self.room.keeper.let_go().await;
    }
}

/// One connection, one request.
async fn connection(room: &Arc<Room>, mut stream: TcpStream) {
    let reply = match http::read(&mut stream).await {
        Ok(None) => return,
        Ok(Some((head, body))) => match understood(room, &head, &body) {
            Ok(Asked::Ask(ask)) => answer(room, ask).await,
            Ok(Asked::Entered(cookie)) => Reply::look(room.door.room.clone(), Some(cookie)),
            Ok(Asked::Nothing) => failed(room, &Fault::of(ErrorCode::NotFound)),
            Err(why) => Reply::refuse(why),
        },
        Err(why) => Reply::refuse(why),
    };
    reply.send(stream).await;
}

/// A request that may be answered.
enum Asked {
    /// By the link, with the cookie to set.
    Entered(String),
    Ask(Ask),
    /// Something that there is not.
    Nothing,
}

fn understood(room: &Room, head: &Head, body: &str) -> Result<Asked, Refusal> {
    gate::admit(head, &room.door.authority)?;
    let (path, query) = head.parts();
    let looks = head.method == "GET";
    if let (Some(secret), true) = (path.strip_prefix(ENTER), looks) {
        return room.door.enter(secret, Instant::now()).map(Asked::Entered);
    }
    let inside = room.door.inside(head)?;
    let ask = match looks {
        true => Ask::look(inside, &Form::read(query)?),
        false => {
            if head
                .only("content-type")?
                .is_none_or(|kind| !kind.starts_with(FORM))
            {
                return Err(Refusal::Form);
            }
            let form = Form::read(body)?;
            if !room.door.is_own(form.get("token")) {
                return Err(Refusal::Form);
            }
            Ask::act(inside, &form)
        }
    };
    Ok(ask.map_or(Asked::Nothing, Asked::Ask))
}
