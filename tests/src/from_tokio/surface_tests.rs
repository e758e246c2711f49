//! What is read from a page of documentation.

use super::*;

#[test]
fn items_are_named_by_their_files() {
    assert_eq!(item_path("sync/struct.Mutex.html").unwrap(), "sync::Mutex");
    assert_eq!(
        item_path("sync/mpsc/fn.channel.html").unwrap(),
        "sync::mpsc::channel"
    );
    assert_eq!(item_path("macro.select.html").unwrap(), "select!");
    assert_eq!(item_path("attr.main.html").unwrap(), "#[main]");
    assert_eq!(item_path("sync/index.html"), None);
    assert_eq!(item_path("#structs"), None);
}

#[test]
fn members_are_named_by_their_anchors() {
    let page = r##"<section id="variant.Burst"><span id="variant.Burst.field.0">
        <div id="method.new"><div id="method.new-1"><div id="associatedconstant.MAX">
        <div id="trait-implementations"><section id="impl-From%3CT%3E-for-X%3CT%3E">
        <section id="method.from"><section id="impl-Send-for-X"><section id="impl-Drop-for-X">
        <h2 id="synthetic-implementations"><section id="impl-Clone-for-X">"##;
    let members: Vec<String> = members(page).into_iter().collect();
    assert_eq!(members, ["Burst", "MAX", "impl From", "new"]);
}

#[test]
fn a_list_is_read_as_it_was_written() {
    let text = "#[a]: \na::B: c, impl Debug\nd: \n";
    assert_eq!(Surface::of_text(text).to_text(), text);
    assert_eq!(
        Surface::of_text(&format!("# a comment\n{text}")),
        Surface::of_text(text)
    );
}
