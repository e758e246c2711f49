//! The page beside a failure, as a browser shows it: what is seen, and what clicks and keys do.

mod browser;
mod shop;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use simoom_sim::{Config, check};

use crate::browser::Browser;
use crate::shop::{SOLD, one_book_is_sold_once};

/// The page of the shop's failure, and its folder.
///
/// Made by the one test of this file that fails a sweep, so that nobody makes it twice.
fn page() -> PathBuf {
    let config = Config::default()
        .persist(false)
        .explain_time(Duration::from_secs(600));
    let report = check(config, one_book_is_sold_once);
    let found = report.failure().expect("sooner or later both pay");
    let told = report.to_string();
    let folder = found.bundle().expect(&told);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = root.join(folder).join("timeline.html");
    assert!(page.is_file(), "{}\n{told}", page.display());
    page
}

/// A point of the first or second run's lanes where an entry is drawn.
fn point(browser: &Browser, run: usize, entry: usize) -> (f64, f64) {
    let point = browser.value(&format!(
        "(() => {{ const lanes = page.lanes[{run}]; const box = lanes.canvas.getBoundingClientRect(); \
         return [box.left + lanes.x(lanes.run.along(page.model.axis)[{entry}]), \
         box.top + lanes.middle(lanes.rowOf({entry}))]; }})()"
    ));
    (point[0].as_f64().unwrap(), point[1].as_f64().unwrap())
}

/// How many pixels of a run's lanes have the colour of the style sheet.
fn pixels(browser: &Browser, run: usize, colour: &str) -> f64 {
    browser.number(&format!(
        "(() => {{ const canvas = page.lanes[{run}].canvas; \
         const hex = page.style[{colour:?}]; \
         const want = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)); \
         const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {{ willReadFrequently: true }}); \
         copy.drawImage(canvas, 0, 0); \
         const {{ data }} = copy.getImageData(0, 0, canvas.width, canvas.height); \
         let count = 0; \
         for (let at = 0; at < data.length; at += 4) \
         if (want.every((value, part) => Math.abs(data[at + part] - value) < 3)) count += 1; \
         return count; }})()"
    ))
}

/// The first entry of the failing run of this kind.
fn first(browser: &Browser, kind: &str) -> usize {
    let entry = browser.number(&format!(
        "page.model.runs[0].kind.findIndex((kind) => page.model.runs[0].kinds[kind] === {kind:?})"
    ));
    assert!(entry >= 0.0, "no {kind}");
    entry as usize
}

#[test]
fn what_happened_is_shown_and_can_be_looked_through() {
    let path = page();
    let browser = &Browser::open(&path, "#theme=light");
    what_is_there(browser);
    an_event_is_told_when_it_is_clicked(browser);
    words_are_found(browser);
    sorts_and_nodes_are_left_out(browser);
    the_wheel_the_mouse_and_keys_move(browser);
    the_axis_is_turned(browser);
    it_is_light_or_dark(browser);
    assert_eq!(
        browser.complaints(),
        [""; 0],
        "the page is alone and nothing fails"
    );
    many_events_are_drawn_quickly(&path);
}

fn what_is_there(browser: &Browser) {
    assert!(
        browser
            .text("document.title")
            .contains("what_happened_is_shown")
    );
    assert!(
        browser
            .text("document.querySelector('#failure').textContent")
            .contains("so many have paid")
    );
    assert_eq!(
        browser.number("document.querySelectorAll('.run').length"),
        2.0
    );
    assert!(
        browser
            .text("document.querySelector('.run.fails h2').textContent")
            .contains("The failing run")
    );
    assert!(
        browser
            .text("document.querySelector('.run.passes h2').textContent")
            .contains("passes")
    );
    let nodes = browser
        .text("page.lanes[0].rows.filter((row) => row.isHead).map((row) => row.name).join()");
    for node in ["test", "shop", "radio", "lamp", "ann", "bob"] {
        assert!(nodes.contains(node), "{nodes}");
    }
    for colour in ["poll", "message", "log", "act", "fails"] {
        assert!(pixels(browser, 0, colour) > 0.0, "nothing is {colour}");
    }
    assert!(
        pixels(browser, 1, "passes") > 0.0,
        "the other run ends well"
    );
    // An arrow goes from one node to another.
    assert!(browser.holds(
        "[...page.model.runs[0].arrows].some((entry) => { const run = page.model.runs[0]; \
         return run.nodeName(entry) === 'shop' && run.nodeName(run.cause[entry]) === 'ann'; })"
    ));
    assert!(browser.number("page.model.parting") > 0.0);
    browser.picture("small-light.png");
}

fn an_event_is_told_when_it_is_clicked(browser: &Browser) {
    let log = first(browser, "log");
    browser.click_at(point(browser, 0, log));
    let detail = "document.querySelector('#detail').textContent";
    let told = browser.text(detail);
    assert!(told.contains(SOLD) && told.contains("left=0"), "{told}");
    assert!(told.contains("shop/"), "the task is named: {told}");
    let delivered = first(browser, "net.segment.delivered");
    browser.key("+");
    browser.value(&format!(
        "page.select({{ run: 0, entry: {delivered} }}); true"
    ));
    browser.settle();
    browser.click_at(point(browser, 0, delivered));
    assert!(browser.text(detail).contains("net.segment.delivered"));
    browser.key("c");
    assert!(
        browser.text(detail).contains("net.segment.sent"),
        "its cause"
    );
    let number = browser.number("page.model.selected.entry");
    browser.key("]");
    assert!(browser.number("page.model.selected.entry") > number);
    browser.key("[");
    assert_eq!(browser.number("page.model.selected.entry"), number);
    browser.key("p");
    assert!(browser.text(detail).contains("the runs part here"));
    browser.key("o");
    assert!(browser.text(detail).contains("the nearest that passes"));
    browser.picture("detail-light.png");
    // What stands around it leads on.
    browser.click("#detail li:not([aria-current]) button");
    assert!(!browser.text(detail).contains("the runs part here"));
    browser.key("Escape");
    assert!(browser.holds("page.model.selected === null"));
    browser.key("0");
}

fn words_are_found(browser: &Browser) {
    browser.key("/");
    browser.write(&format!("{SOLD} shop/"));
    let found = "document.querySelector('#found').textContent";
    let both = browser.number("page.model.found().count");
    assert_eq!(both, 3.0, "twice in the run that fails, once in the other");
    assert_eq!(browser.text(found), "3 found");
    assert!(pixels(browser, 0, "match") > 0.0);
    browser.key("Enter");
    assert_eq!(browser.text(found), "1 of 3 found");
    browser.click("#after");
    assert_eq!(browser.text(found), "2 of 3 found");
    browser.click("#before");
    assert_eq!(browser.text(found), "1 of 3 found");
    let drawn = browser.number("page.lanes[0].drawn");
    browser.click("#only");
    assert!(
        browser.number("page.lanes[0].drawn") < drawn,
        "only what is found"
    );
    browser.click("#only");
    browser.value("document.querySelector('#search').value = ''; page.search(); true");
    browser.settle();
    assert_eq!(browser.number("page.lanes[0].drawn"), drawn);
}

fn sorts_and_nodes_are_left_out(browser: &Browser) {
    let messages = pixels(browser, 0, "message");
    browser.click("input[name=message]");
    assert!(
        messages > 0.0 && pixels(browser, 0, "message") < messages,
        "no messages"
    );
    browser.click("input[name=message]");
    assert_eq!(pixels(browser, 0, "message"), messages);
    browser.click("input[name=poll]");
    assert_eq!(pixels(browser, 0, "poll"), 0.0, "no polls");
    browser.click("input[name=poll]");
    let rows = browser.number("page.lanes[0].rows.length");
    browser.value(
        "(() => { const nodes = document.querySelector('#node'); nodes.value = 'shop'; \
         nodes.dispatchEvent(new Event('change')); return true; })()",
    );
    browser.settle();
    assert!(
        browser.number("page.lanes[0].rows.length") < rows,
        "the shop alone"
    );
    browser.value(
        "(() => { const nodes = document.querySelector('#node'); nodes.value = ''; \
         nodes.dispatchEvent(new Event('change')); return true; })()",
    );
    browser.settle();
    assert_eq!(browser.number("page.lanes[0].rows.length"), rows);
    // A click on a node's name folds its tasks.
    let shop = browser.number(
        "(() => { const lanes = page.lanes[0]; const row = lanes.rows.findIndex((it) => it.name === 'shop'); \
         return lanes.canvas.getBoundingClientRect().top + lanes.middle(row); })()",
    );
    browser.click_at((40.0, shop));
    assert!(browser.number("page.lanes[0].rows.length") < rows, "folded");
    browser.click_at((40.0, shop));
    assert_eq!(browser.number("page.lanes[0].rows.length"), rows);
}

fn the_wheel_the_mouse_and_keys_move(browser: &Browser) {
    let view = || {
        (
            browser.number("page.model.from"),
            browser.number("page.model.to"),
        )
    };
    browser.key("0");
    let all = view();
    let at = point(browser, 0, first(browser, "log"));
    let under = "page.lanes[0].value";
    let value = browser.number(&format!("{under}({})", at.0));
    browser.wheel(at, -800.0);
    let close = view();
    assert!(
        close.1 - close.0 < (all.1 - all.0) / 4.0,
        "{all:?} {close:?}"
    );
    let after = browser.number(&format!("{under}({})", at.0));
    assert!(
        (after - value).abs() < 1.0,
        "it zooms around the pointer: {value} {after}"
    );
    browser.drag(at, (at.0 - 120.0, at.1));
    let dragged = view();
    assert!(dragged.0 > close.0, "{close:?} {dragged:?}");
    assert!((dragged.1 - dragged.0 - (close.1 - close.0)).abs() < 1e-6);
    browser.key("ArrowRight");
    assert!(view().0 > dragged.0);
    browser.key("-");
    assert!(view().1 - view().0 > close.1 - close.0);
    browser.click("#all");
    assert_eq!(view(), all);
    browser.click("#end");
    assert!(view().1 - view().0 < all.1 - all.0);
    browser.click("#all");
}

fn the_axis_is_turned(browser: &Browser) {
    browser.click("input[value=time]");
    assert_eq!(browser.text("page.model.axis"), "time");
    let end = browser.number("page.model.whole()[1]");
    assert!(end > 10e6, "in nanoseconds: {end}");
    let log = first(browser, "log");
    let (x, _) = point(browser, 0, log);
    let expected = browser.number(&format!("page.lanes[0].x(page.model.runs[0].time[{log}])"));
    let left = browser.number("page.lanes[0].canvas.getBoundingClientRect().left");
    assert!((x - left - expected).abs() < 1e-6);
    browser.key("0");
    browser.picture("small-time-light.png");
    browser.click("input[value=events]");
    browser.key("0");
}

fn it_is_light_or_dark(browser: &Browser) {
    // What is read stands out from what it stands on, as WCAG asks for text.
    let contrast = |one: &str| {
        browser.number(&format!(
            "(() => {{ const light = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255) \
             .map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4) \
             .reduce((sum, it, part) => sum + it * [0.2126, 0.7152, 0.0722][part], 0); \
             const [one, two] = [light(page.style[{one:?}]), light(page.style.raised)].sort((a, b) => b - a); \
             return (one + 0.05) / (two + 0.05); }})()"
        ))
    };
    let ground = || browser.text("getComputedStyle(document.body).backgroundColor");
    let mut grounds = Vec::new();
    for theme in ["light", "dark"] {
        assert_eq!(
            browser.text("document.documentElement.dataset.theme"),
            theme
        );
        for colour in ["ink", "faint", "fails", "passes"] {
            assert!(
                contrast(colour) >= 4.5,
                "{theme} {colour}: {}",
                contrast(colour)
            );
        }
        for colour in ["message", "fault", "cancel", "preempt", "log", "act"] {
            assert!(
                contrast(colour) >= 3.0,
                "{theme} {colour}: {}",
                contrast(colour)
            );
        }
        grounds.push(ground());
        browser.click("#theme");
    }
    assert_ne!(grounds[0], grounds[1]);
    browser.click("#theme");
    browser.key("p");
    browser.picture("small-dark.png");
    browser.key("Escape");
    browser.size(420, 900);
    browser.settle();
    browser.key("0");
    assert!(
        browser.holds("document.documentElement.scrollWidth <= 420"),
        "it fits a narrow window"
    );
    browser.picture("narrow-dark.png");
}

/// What half of the frames take less than on any machine; one that is not busy takes a tenth of it.
const FRAME_MS: f64 = 250.0;

/// The same page with 100 000 events in each run, made of its own over and over.
fn many_events_are_drawn_quickly(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let (head, rest) = text.split_once(r#"id="data">"#).unwrap();
    let (data, tail) = rest.split_once("</script>").unwrap();
    let mut data: Value = serde_json::from_str(data).unwrap();
    for run in data["runs"].as_array_mut().unwrap() {
        for name in [
            "time", "number", "kind", "category", "node", "task", "text", "cause",
        ] {
            let column = run[name].as_array_mut().unwrap();
            let once = column.clone();
            while column.len() < 100_000 {
                column.extend_from_slice(&once);
            }
        }
    }
    let data = data.to_string().replace('<', "\\u003c");
    let large = path.with_file_name("timeline-large.html");
    std::fs::write(&large, format!("{head}id=\"data\">{data}</script>{tail}")).unwrap();
    let browser = Browser::open(&large, "#theme=light");
    assert!(browser.number("page.model.runs[0].count") >= 100_000.0);
    browser.key("0");
    browser.picture("large-light.png");
    let frames = |step: &str| {
        let median = browser.number(&format!(
            "(() => {{ page.frames.length = 0; \
             for (let count = 0; count < 40; count += 1) {{ {step}; page.drawNow(); }} \
             return page.frames.sort((a, b) => a - b)[20]; }})()"
        ));
        println!("{step}: {median:.1} ms a frame");
        assert!(median < FRAME_MS, "{step}: {median} ms");
    };
    frames("page.model.showAll()");
    frames("page.model.zoom(0.8)");
    frames("page.model.pan((page.model.to - page.model.from) / 50)");
    browser.click("input[value=time]");
    browser.key("0");
    frames("page.model.showAll()");
    browser.click("#theme");
    browser.picture("large-time-dark.png");
    browser.key("/");
    let start = std::time::Instant::now();
    browser.write(&format!("{SOLD} shop/"));
    println!("search: {:?}", start.elapsed());
    assert!(browser.number("page.model.found().count") > 100.0);
    browser.click("#after");
    assert!(
        browser
            .text("document.querySelector('#detail').textContent")
            .contains(SOLD)
    );
    assert_eq!(browser.complaints(), [""; 0]);
    drop(browser);
    std::fs::remove_file(&large).unwrap();
}
