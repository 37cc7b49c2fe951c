//! Several devices of one identity.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use telesphor_agent::{Agent, NewProfile};
use telesphor_vault::PassphraseCost;

use super::{LONG, passphrase};

pub const HOUR: Duration = Duration::from_secs(3600);

pub fn device(label: &str) -> NewProfile {
    NewProfile {
        cost: PassphraseCost::least(),
        endpoint: label.into(),
        ..NewProfile::person("")
    }
}

/// Lets one more device in; both show the same words.
pub async fn second(folder: &Path, old: &Agent, label: &str) -> Agent {
    let link = old.offer_endpoint(&passphrase(), HOUR, LONG).await.unwrap();
    let place = folder.join(label);
    std::fs::create_dir(&place).unwrap();
    let shown = Arc::new(Mutex::new(Vec::new()));
    let words = shown.clone();
    let joining = {
        let (link, label) = (link.clone(), label.to_owned());
        tokio::spawn(async move {
            let show = move |w: &[String]| *words.lock().unwrap() = w.to_vec();
            Agent::join_endpoint(&place, &passphrase(), device(&label), &link, LONG, show).await
        })
    };
    let asked = old.endpoint_asked(&link, LONG).await.unwrap();
    assert_eq!(asked.label, label);
    old.admit_endpoint(&link, &passphrase(), LONG).await.unwrap();
    let new = joining.await.unwrap().unwrap();
    assert_eq!(*shown.lock().unwrap(), asked.words, "both devices show the same");
    new.ready(LONG).await.unwrap();
    in_step(&[old, &new]).await;
    new
}

/// Lets everybody say and hear what there is to say: an answer may ask for an answer.
pub async fn in_step(agents: &[&Agent]) {
    for _ in 0..4 {
        for agent in agents {
            agent.settle(LONG).await.unwrap();
        }
    }
}
