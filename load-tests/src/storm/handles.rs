//! A whole hospital in one process opens more files than a shell's usual limit.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::{Result, odd};

/// Of one person: the vault, the agent's connection, and the front's two.
const OF_A_PERSON: u64 = 12;
/// Of the program, and of a relay, which inherits the limit.
const OF_THE_PROGRAM: u64 = 512;

/// Raises this process's limit of open files to what so many people need.
///
/// # Errors
/// The system's own limit is lower: somebody with the right to it must raise that first.
pub(super) fn allow(people: usize) -> Result<()> {
    let needed = OF_THE_PROGRAM + OF_A_PERSON * people as u64;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|now| now >= needed) {
        return Ok(());
    }
    if limit.maximum.is_some_and(|most| most < needed) {
        return Err(odd(format!(
            "{people} people need {needed} open files and this system allows {}; raise it (ulimit -Hn) or take fewer wards",
            limit.maximum.unwrap_or_default()
        )));
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).map_err(|e| odd(format!("the limit of open files: {e}")))
}
