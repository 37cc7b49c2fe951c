//! A machine whose clock is wrong, and a day that is months away: the real binaries under a
//! library that adds to what the system clock says.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::path::{Path, PathBuf};
use std::process::Command;

const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int ended = real(id, at);
    const char *ahead = getenv("CLOCK_AHEAD_S");
    if (!ended && ahead && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) at->tv_sec += atoll(ahead);
    return ended;
}
"#;

/// A clock that can be set for one process.
pub struct Clock(PathBuf);

impl Clock {
    /// `None` where there is no compiler for it.
    pub fn build(folder: &Path) -> Option<Self> {
        let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
        std::fs::write(&source, LIBRARY).unwrap();
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .arg(&source)
            .arg("-ldl")
            .status();
        made.is_ok_and(|status| status.success()).then_some(Self(library))
    }

    /// What a process must be told so that its clock is so many seconds ahead.
    pub fn ahead(&self, seconds: i64) -> Vec<(String, String)> {
        vec![
            ("LD_PRELOAD".to_owned(), self.0.to_string_lossy().into_owned()),
            ("CLOCK_AHEAD_S".to_owned(), seconds.to_string()),
        ]
    }
}
