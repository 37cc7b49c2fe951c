//! A real browser, driven over a pipe: no driver program, no port, nothing that another user of
//! the machine could speak to.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use base64::Engine;
use serde_json::{Value, json};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a browser is told so that it does what it is told and nothing else.
const QUIET: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
];

/// A key on the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// To the next thing.
    Tab,
    /// Follow, press.
    Enter,
    /// Press, unfold.
    Space,
}

/// One window.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: String,
    next: u64,
    loads: u64,
}

fn broken(what: impl Into<String>) -> io::Error {
    io::Error::other(what.into())
}

/// Where the browser is; `None` if there is none.
pub fn program() -> Option<&'static str> {
    ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
        .into_iter()
        .find(|path| Path::new(path).exists())
}

impl Browser {
    /// Starts one with a profile of its own in `folder`.
    ///
    /// # Errors
    /// If there is no browser, or it does not answer.
    pub fn start(folder: &Path) -> io::Result<Self> {
        let program = program().ok_or_else(|| broken("no chromium: scripts/setup installs it"))?;
        let profile = format!("--user-data-dir={}", folder.display());
        // It speaks on descriptors 3 and 4.
        let mut child = Command::new("sh")
            .args([
                "-c",
                "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1",
                program,
            ])
            .args(QUIET)
            .arg(profile)
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = child.stdin.take().ok_or_else(|| broken("no pipe"))?;
        let out = child.stdout.take().ok_or_else(|| broken("no pipe"))?;
        let (heard, from) = channel();
        std::thread::spawn(move || {
            let mut out = BufReader::new(out);
            let mut message = Vec::new();
            while out.read_until(0, &mut message).is_ok_and(|n| n > 0) {
                message.pop();
                let said = serde_json::from_slice(&message);
                message.clear();
                if said.is_ok_and(|value| heard.send(value).is_err()) {
                    return;
                }
            }
        });
        let mut browser = Self {
            child,
            to,
            from,
            session: String::new(),
            next: 0,
            loads: 0,
        };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }))?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach)?;
        browser.session = attached["sessionId"].as_str().unwrap_or_default().to_owned();
        browser.call("Page.enable", json!({}))?;
        browser.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }))?;
        Ok(browser)
    }

    fn hear(&mut self) -> io::Result<Value> {
        let heard = self.from.recv_timeout(PATIENCE).map_err(|e| match e {
            RecvTimeoutError::Timeout => broken("the browser does not answer"),
            RecvTimeoutError::Disconnected => broken("the browser ended"),
        })?;
        self.loads += u64::from(heard["method"] == "Page.loadEventFired");
        Ok(heard)
    }

    /// One call of its protocol.
    ///
    /// # Errors
    /// What it says instead of an answer.
    pub fn call(&mut self, method: &str, parameters: Value) -> io::Result<Value> {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.to.write_all(format!("{message}\0").as_bytes())?;
        self.to.flush()?;
        loop {
            let mut heard = self.hear()?;
            if heard["id"] == json!(self.next) {
                return match heard.get("error") {
                    Some(error) => Err(broken(format!("{method}: {error}"))),
                    None => Ok(heard["result"].take()),
                };
            }
        }
    }

    /// Does something that leads to another page, and waits until that is loaded.
    ///
    /// # Errors
    /// If none comes.
    pub fn lead(&mut self, act: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        let before = self.loads;
        act(self)?;
        while self.loads == before {
            self.hear()?;
        }
        Ok(())
    }

    /// Goes to an address, as if it were typed.
    ///
    /// # Errors
    /// If it cannot be had.
    pub fn go(&mut self, address: &str) -> io::Result<()> {
        self.lead(|b| {
            let went = b.call("Page.navigate", json!({ "url": address }))?;
            match went["errorText"].as_str() {
                None => Ok(()),
                Some(error) => Err(broken(error)),
            }
        })
    }

    /// The value of an expression in the page.
    ///
    /// # Errors
    /// What it throws.
    pub fn run(&mut self, script: &str) -> io::Result<Value> {
        let parameters = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let mut ran = self.call("Runtime.evaluate", parameters)?;
        match ran.get("exceptionDetails") {
            Some(thrown) => Err(broken(thrown.to_string())),
            None => Ok(ran["result"]["value"].take()),
        }
    }

    /// The same as text.
    ///
    /// # Errors
    /// As [`Browser::run`].
    pub fn text(&mut self, script: &str) -> io::Result<String> {
        Ok(self.run(script)?.as_str().unwrap_or_default().to_owned())
    }

    /// Presses a key.
    ///
    /// # Errors
    /// If the browser is gone.
    pub fn press(&mut self, key: Key) -> io::Result<()> {
        let (name, code, text) = match key {
            Key::Tab => ("Tab", 9, ""),
            Key::Enter => ("Enter", 13, "\r"),
            Key::Space => (" ", 32, " "),
        };
        let code_name = if key == Key::Space { "Space" } else { name };
        let mut down = json!({
            "type": if text.is_empty() { "rawKeyDown" } else { "keyDown" },
            "key": name, "code": code_name, "windowsVirtualKeyCode": code,
        });
        if !text.is_empty() {
            down["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", down)?;
        let up = json!({
            "type": "keyUp", "key": name, "code": code_name,
            "windowsVirtualKeyCode": code,
        });
        self.call("Input.dispatchKeyEvent", up)?;
        Ok(())
    }

    /// Types a text into what has the focus.
    ///
    /// # Errors
    /// If the browser is gone.
    pub fn write(&mut self, text: &str) -> io::Result<()> {
        self.call("Input.insertText", json!({ "text": text })).map(drop)
    }

    /// The window's width in CSS pixels, and the colours that its user wishes for.
    ///
    /// # Errors
    /// If the browser is gone.
    pub fn look(&mut self, width: u32, dark: bool) -> io::Result<()> {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size)?;
        let scheme = if dark { "dark" } else { "light" };
        let features = [
            json!({ "name": "prefers-color-scheme", "value": scheme }),
            json!({ "name": "prefers-reduced-motion", "value": "reduce" }),
        ];
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }))?;
        Ok(())
    }

    /// Whether pages may run scripts.
    ///
    /// # Errors
    /// If the browser is gone.
    pub fn scripts(&mut self, on: bool) -> io::Result<()> {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": !on }))
            .map(drop)
    }

    /// A picture of the whole page.
    ///
    /// # Errors
    /// If it cannot be taken or written.
    pub fn picture(&mut self, file: &Path) -> io::Result<()> {
        let metrics = self.call("Page.getLayoutMetrics", json!({}))?;
        let size = &metrics["cssContentSize"];
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let taken = self.call(
            "Page.captureScreenshot",
            json!({ "format": "png", "captureBeyondViewport": true, "clip": clip }),
        )?;
        let data = taken["data"].as_str().unwrap_or_default();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(data)
            .map_err(|e| broken(e.to_string()))?;
        std::fs::write(file, bytes)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends by itself with its pipe; this makes sure.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
