//! Rust text without comments and literals, and the words in it.

/// `text` with comments, strings and characters blanked out; the lines stay where they are.
pub(crate) fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let length = match literal(rest, before) {
            0 => {
                code.push(first);
                before = first;
                rest = &rest[first.len_utf8()..];
                continue;
            }
            length => length,
        };
        let (blanked, after) = rest.split_at(length);
        let newlines = blanked.chars().filter(|&it| it == '\n');
        code.push(' ');
        code.extend(newlines);
        before = ' ';
        rest = after;
    }
    code
}

/// How long the comment or literal at the start of `text` is; 0 if there is none.
fn literal(text: &str, before: char) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment(text);
    }
    if text.starts_with('"') {
        return quoted(text);
    }
    if text.starts_with('\'') {
        return character(text);
    }
    if text.starts_with('r') && !is_word(before) {
        return raw(text);
    }
    0
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A character literal, not a lifetime.
fn character(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => text[3..].find('\'').map_or(0, |at| at + 4),
        Some(_) => match characters.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}

fn raw(text: &str) -> usize {
    let fence = text[1..].chars().take_while(|&it| it == '#').count();
    if !text[1 + fence..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(fence));
    let start = 2 + fence;
    text[start..]
        .find(&end)
        .map_or(text.len(), |at| start + at + end.len())
}

pub(crate) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The lines of `code`, counted from 1, on which `word` stands on its own.
pub(crate) fn lines_with(code: &str, word: &str) -> Vec<usize> {
    let has = |line: &str| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back().unwrap_or(' ');
            let after = line[at + word.len()..].chars().next().unwrap_or(' ');
            let starts = !is_word(word.chars().next().unwrap_or(' ')) || !is_word(before);
            let ends = !is_word(word.chars().next_back().unwrap_or(' ')) || !is_word(after);
            starts && ends
        })
    };
    let numbered = code.lines().enumerate();
    numbered
        .filter(|(_, line)| has(line))
        .map(|(index, _)| index + 1)
        .collect()
}

#[test]
fn code_has_no_comments_and_no_literals() {
    let text = "let a = \"unsafe \\\" unsafe\"; // unsafe\nlet b = 'u'; /* unsafe /* */ unsafe */\n\
                let c: &'static str = r#\"unsafe \" unsafe\"#;\nlet d = '\\''; fn unsafe_code() {}";
    let code = code(text);
    assert!(lines_with(&code, "unsafe").is_empty(), "{code}");
    assert_eq!(lines_with(&code, "static"), [3]);
    assert_eq!(lines_with(&code, "unsafe_code"), [4]);
}

#[test]
fn words_stand_on_their_own() {
    assert_eq!(
        lines_with("a\nunsafe { b }\nUnsafeCell unsafe_code", "unsafe"),
        [2]
    );
    assert_eq!(lines_with("x.as_f64()\nlet y: f64;", "f64"), [2]);
    assert_eq!(
        lines_with("#![allow(dead_code)]\n#[expect(x)]", "allow("),
        [1]
    );
}
