//! A Chromium without a window, driven by its DevTools protocol over a pipe.
//!
//! Owns the process and its messages. Knows nothing of the page.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Where the variable does not say which browser.
const PROGRAM: &str = "chromium";

/// A browser with one page open.
pub(crate) struct Browser {
    child: Child,
    input: RefCell<ChildStdin>,
    output: RefCell<BufReader<ChildStdout>>,
    folder: PathBuf,
    session: String,
    sent: Cell<u64>,
    /// What the browser told without having been asked.
    pub(crate) events: RefCell<Vec<Value>>,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Browser {
    /// Starts a browser and opens the file `page` with this `fragment` in it.
    pub(crate) fn open(page: &Path, fragment: &str) -> Self {
        let program = std::env::var("SIMOOM_CHROMIUM").unwrap_or_else(|_| PROGRAM.to_owned());
        let name = page.file_stem().unwrap().to_string_lossy();
        let folder = format!("simoom-browser-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        // Its pipe is made of the descriptors 3 and 4.
        let line = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null";
        let mut child = Command::new("sh")
            .args(["-c", line, &program])
            .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
            .args([
                "--no-first-run",
                "--disable-dev-shm-usage",
                "--disable-extensions",
            ])
            .args(["--disable-background-networking", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", folder.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut browser = Self {
            child,
            input: RefCell::new(input),
            output: RefCell::new(BufReader::new(output)),
            folder,
            session: String::new(),
            sent: Cell::new(0),
            events: RefCell::default(),
        };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.ask("Target.attachToTarget", attach);
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        browser.size(1400, 800);
        let url = format!("file://{}{fragment}", page.display());
        browser.ask("Page.navigate", json!({ "url": url }));
        browser.wait("document.readyState === 'complete' && typeof page !== 'undefined'");
        browser.settle();
        browser
    }

    /// Asks for `method`, and returns what comes of it.
    pub(crate) fn ask(&self, method: &str, parameters: Value) -> Value {
        let id = self.sent.get() + 1;
        self.sent.set(id);
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let missing =
            "no browser: install Debian's package chromium, or name one by SIMOOM_CHROMIUM";
        self.input.borrow_mut().write_all(&bytes).expect(missing);
        loop {
            let mut bytes = Vec::new();
            let read = self.output.borrow_mut().read_until(0, &mut bytes);
            assert!(read.is_ok_and(|count| count > 0), "{missing}");
            bytes.pop();
            let mut answer: Value = serde_json::from_slice(&bytes).unwrap();
            if answer["id"] == id {
                assert_eq!(answer["error"], Value::Null, "{method}");
                return answer["result"].take();
            }
            self.events.borrow_mut().push(answer);
        }
    }

    /// What an expression is in the page.
    pub(crate) fn value(&self, expression: &str) -> Value {
        let ask = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.ask("Runtime.evaluate", ask);
        let thrown = &answer["exceptionDetails"];
        assert_eq!(*thrown, Value::Null, "{expression}: {thrown:#}");
        answer["result"]["value"].take()
    }

    pub(crate) fn number(&self, expression: &str) -> f64 {
        let value = self.value(expression);
        (value.as_f64()).unwrap_or_else(|| panic!("{expression} is {value}"))
    }

    pub(crate) fn text(&self, expression: &str) -> String {
        let value = self.value(expression);
        let text = value.as_str().map(str::to_owned);
        text.unwrap_or_else(|| panic!("{expression} is {value}"))
    }

    pub(crate) fn holds(&self, expression: &str) -> bool {
        self.value(expression) == Value::Bool(true)
    }

    /// Waits until `expression` holds.
    fn wait(&self, expression: &str) {
        let until = Instant::now() + Duration::from_secs(60);
        while !self.holds(expression) {
            assert!(Instant::now() < until, "{expression} does not come true");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until what was done is drawn.
    pub(crate) fn settle(&self) {
        let frames =
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))";
        self.value(&format!("{frames}.then(() => true)"));
    }

    pub(crate) fn size(&self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.ask("Emulation.setDeviceMetricsOverride", size);
    }

    /// A mouse event at a point of the page.
    fn mouse(&self, kind: &str, (x, y): (f64, f64), more: Value) {
        let mut event = json!({ "type": kind, "x": x, "y": y });
        event
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.ask("Input.dispatchMouseEvent", event);
    }

    pub(crate) fn click_at(&self, at: (f64, f64)) {
        self.drag(at, at);
    }

    /// Presses at one point, goes to the other and lets go.
    pub(crate) fn drag(&self, from: (f64, f64), to: (f64, f64)) {
        let button = json!({ "button": "left", "buttons": 1, "clickCount": 1 });
        self.mouse("mousePressed", from, button.clone());
        if from != to {
            let middle = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0);
            self.mouse("mouseMoved", middle, button.clone());
            self.mouse("mouseMoved", to, button.clone());
        }
        self.mouse("mouseReleased", to, button);
        self.settle();
    }

    pub(crate) fn wheel(&self, at: (f64, f64), by: f64) {
        self.mouse("mouseWheel", at, json!({ "deltaX": 0, "deltaY": by }));
        self.settle();
    }

    /// Clicks in the middle of an element.
    pub(crate) fn click(&self, selector: &str) {
        let middle = format!(
            "(() => {{ const box = document.querySelector({selector:?}).getBoundingClientRect(); \
             return [box.left + box.width / 2, box.top + box.height / 2]; }})()"
        );
        let middle = self.value(&middle);
        self.click_at((middle[0].as_f64().unwrap(), middle[1].as_f64().unwrap()));
    }

    /// Presses a key that has a name, or gives a character.
    pub(crate) fn key(&self, key: &str) {
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            _ => 0,
        };
        let mut down = json!({ "type": "keyDown", "key": key, "windowsVirtualKeyCode": code });
        if code == 0 {
            down["text"] = key.into();
        }
        self.ask("Input.dispatchKeyEvent", down);
        self.ask(
            "Input.dispatchKeyEvent",
            json!({ "type": "keyUp", "key": key }),
        );
        self.settle();
    }

    pub(crate) fn write(&self, text: &str) {
        self.ask("Input.insertText", json!({ "text": text }));
        self.settle();
    }

    /// Keeps a picture of the page in the folder that SIMOOM_PICTURES names, if it does.
    pub(crate) fn picture(&self, name: &str) {
        let answer = self.ask("Page.captureScreenshot", json!({ "format": "png" }));
        let bytes = decoded(answer["data"].as_str().unwrap());
        assert!(bytes.starts_with(b"\x89PNG"), "no picture");
        if let Some(folder) = std::env::var_os("SIMOOM_PICTURES") {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(Path::new(&folder).join(name), bytes).unwrap();
        }
    }

    /// What the page asked for beside itself, and what went wrong in it.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let told = |event: &Value| {
            let url = event["params"]["request"]["url"]
                .as_str()
                .unwrap_or_default();
            match event["method"].as_str()? {
                "Network.requestWillBeSent" if !url.starts_with("file:") => Some(url.to_owned()),
                "Runtime.exceptionThrown" | "Log.entryAdded" | "Runtime.consoleAPICalled" => {
                    Some(event["params"].to_string())
                }
                _ => None,
            }
        };
        let events = self.events.borrow();
        let files = events
            .iter()
            .filter(|it| it["method"] == "Network.requestWillBeSent");
        let mut complaints: Vec<_> = events.iter().filter_map(told).collect();
        let count = files.count();
        if count != 1 {
            complaints.push(format!("{count} requests"));
        }
        complaints
    }
}

/// What a text in base64 stands for.
fn decoded(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.bytes().filter(|&it| it != b'=').map(digit).collect();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for chunk in digits.chunks(4) {
        let all = chunk
            .iter()
            .fold(0_u32, |all, &it| all << 6 | u32::from(it));
        let all = all << (6 * (4 - chunk.len()));
        bytes.extend(&all.to_be_bytes()[1..chunk.len()]);
    }
    bytes
}
