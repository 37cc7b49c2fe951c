//! One member, as a process of its own: it does what it is told by lines, and answers by lines.

use std::io::{BufRead, Write};
use std::path::Path;

use telesphor_agent::{Agent, Draft};
use telesphor_clinical::header::DocumentKind;
use telesphor_wire::ids::MailboxId;
use tokio::sync::mpsc;

use crate::ward::passphrase;

/// Reads orders until there are no more.
///
/// # Errors
/// In words, for the log of the race.
pub async fn run(profile: &Path, team: MailboxId) -> Result<(), String> {
    let agent = Agent::open(profile, &passphrase())
        .await
        .map_err(|e| format!("opening {}: {e}", profile.display()))?;
    let (orders, mut order) = mpsc::channel::<String>(64);
    // Standard input blocks, so it has a thread; it ends with the one who gives the orders.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if orders.blocking_send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = order.recv().await {
        let answer = obey(&agent, team, &line).await?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")
            .and_then(|()| out.flush())
            .map_err(|e| e.to_string())?;
    }
    Ok(())
}

async fn obey(agent: &Agent, team: MailboxId, line: &str) -> Result<String, String> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let said = |e: telesphor_agent::Error| format!("{verb}: {e}");
    match verb {
        "renew" => {
            let began = agent.renew_in_team(team).await.map_err(said)?;
            Ok(format!("renewed {began}"))
        }
        "say" => {
            let name: String = team.0.iter().map(|byte| format!("{byte:02x}")).collect();
            let draft = Draft::new(DocumentKind::Note, "text/plain", rest, rest.as_bytes().to_vec());
            let written = agent.write_in_team(&name, draft).await.map_err(said)?;
            Ok(format!("said {}", written.id))
        }
        "stand" => {
            let stand = agent.team_stand(team).await.map_err(said)?;
            let status = agent.status().await.map_err(said)?;
            let shared: String = stand.authenticator.iter().map(|b| format!("{b:02x}")).collect();
            Ok(format!(
                "stand {} {} {shared} {} {}",
                stand.branch, stand.epoch, status.outbox, status.behind
            ))
        }
        "waiting" => {
            let waiting = agent.waiting().await.map_err(said)?;
            Ok(format!("waiting {}", waiting.join("; ")))
        }
        "reads" => {
            let mut missing = 0;
            for document in rest.split_whitespace() {
                missing += usize::from(agent.read(document).await.is_err());
            }
            Ok(format!("missing {missing}"))
        }
        other => Err(format!("unknown order {other}")),
    }
}
