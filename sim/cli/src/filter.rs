//! Filtersets: which tests are meant, in nextest's words.
//!
//! Owns the language. nextest's own parser wants cargo's whole graph of dependencies and brings
//! sixty packages with it; this one knows the predicates that need nothing but the test's name and
//! its binary. `deps()`, `rdeps()`, `platform()` and the like are refused by name.

use regex::Regex;

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) test: &'a str,
    pub(crate) package: &'a str,
    pub(crate) binary: &'a str,
    pub(crate) kind: &'a str,
}

/// An expression.
#[derive(Debug)]
pub(crate) enum Filter {
    All,
    None,
    Name(Field, Matcher),
    Not(Box<Filter>),
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
}

/// What of a test is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field {
    Test,
    Package,
    Binary,
    Kind,
}

/// How a name is compared.
#[derive(Debug)]
pub(crate) enum Matcher {
    Exact(String),
    Contains(String),
    /// A regular expression, or a glob made one.
    Regex(Regex),
}

impl Filter {
    pub(crate) fn selects(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Not(inner) => !inner.selects(subject),
            Self::And(one, two) => one.selects(subject) && two.selects(subject),
            Self::Or(one, two) => one.selects(subject) || two.selects(subject),
            Self::Name(field, matcher) => matcher.matches(match field {
                Field::Test => subject.test,
                Field::Package => subject.package,
                Field::Binary => subject.binary,
                Field::Kind => subject.kind,
            }),
        }
    }
}

impl Matcher {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(text) => name == text,
            Self::Contains(text) => name.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(name),
        }
    }
}

/// Reads an expression.
///
/// # Errors
/// What is wrong, and where.
pub(crate) fn parse(text: &str) -> Result<Filter, String> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    let filter = parser.either().and_then(|filter| {
        parser.skip();
        match parser.rest() {
            "" => Ok(filter),
            rest => Err(format!("{rest:?} is too much")),
        }
    });
    filter.map_err(|error| {
        format!(
            "the filterset is not understood: {error}\n  {text}\n  {}^",
            " ".repeat(parser.at)
        )
    })
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// In how many parentheses and behind how many `not`s it is.
    depth: usize,
}

/// How deep a filterset may be: reading it and asking it takes a part of the stack for each.
const DEPTH_MAX: usize = 100;

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Takes one of `words` if it comes next. A word of letters ends where they do.
    fn takes(&mut self, words: &[&str]) -> bool {
        self.skip();
        let rest = self.rest();
        let found = words.iter().find(|word| {
            let after = rest.strip_prefix(**word);
            let is_name = word.ends_with(|it: char| it.is_ascii_alphabetic());
            after.is_some_and(|after| {
                !is_name || !after.starts_with(|it: char| it.is_ascii_alphanumeric() || it == '_')
            })
        });
        self.at += found.map_or(0, |word| word.len());
        found.is_some()
    }

    fn either(&mut self) -> Result<Filter, String> {
        let mut left = self.both()?;
        while self.takes(&["or", "||", "|", "+"]) {
            left = Filter::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Filter, String> {
        let mut left = self.one()?;
        loop {
            if self.takes(&["and", "&&", "&"]) {
                left = Filter::And(Box::new(left), Box::new(self.one()?));
            } else if self.takes(&["-"]) {
                let without = Filter::Not(Box::new(self.one()?));
                left = Filter::And(Box::new(left), Box::new(without));
            } else {
                return Ok(left);
            }
        }
    }

    fn one(&mut self) -> Result<Filter, String> {
        if self.depth == DEPTH_MAX {
            return Err("it is nested too deep".to_owned());
        }
        self.depth += 1;
        let filter = self.inner();
        self.depth -= 1;
        filter
    }

    fn inner(&mut self) -> Result<Filter, String> {
        if self.takes(&["not", "!"]) {
            return Ok(Filter::Not(Box::new(self.one()?)));
        }
        if self.takes(&["("]) {
            let inner = self.either()?;
            return match self.takes(&[")"]) {
                true => Ok(inner),
                false => Err("a parenthesis is not closed".to_owned()),
            };
        }
        self.predicate()
    }

    fn predicate(&mut self) -> Result<Filter, String> {
        self.skip();
        let rest = self.rest();
        let end = rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        let name = &rest[..end.unwrap_or(rest.len())];
        let field = match name {
            "" => return Err("a predicate is missing".to_owned()),
            "all" | "none" => None,
            "test" => Some(Field::Test),
            "package" => Some(Field::Package),
            "binary" => Some(Field::Binary),
            "kind" => Some(Field::Kind),
            "deps" | "rdeps" | "binary_id" | "platform" | "default" | "group" => {
                return Err(format!("{name}() of nextest is not known here"));
            }
            _ => return Err(format!("there is no predicate {name}()")),
        };
        self.at += name.len();
        if !self.takes(&["("]) {
            return Err(format!("{name} has no parentheses"));
        }
        let filter = match field {
            Some(field) => Filter::Name(field, self.matcher(field)?),
            None if name == "all" => Filter::All,
            None => Filter::None,
        };
        match self.takes(&[")"]) {
            true => Ok(filter),
            false => Err(format!("{name}( is not closed")),
        }
    }

    fn matcher(&mut self, field: Field) -> Result<Matcher, String> {
        if self.takes(&["/"]) {
            let pattern = self.until('/')?;
            self.at += 1;
            return regex(&pattern).map(Matcher::Regex);
        }
        let form = match self.rest().chars().next() {
            Some(form @ ('=' | '~' | '#')) => {
                self.at += 1;
                form
            }
            _ => match field {
                Field::Test => '~',
                Field::Package | Field::Binary => '#',
                Field::Kind => '=',
            },
        };
        let name = self.until(')')?.trim().to_owned();
        match form {
            '=' => Ok(Matcher::Exact(name)),
            '~' => Ok(Matcher::Contains(name)),
            _ => regex(&glob(&name)).map(Matcher::Regex),
        }
    }

    /// The text up to `end`, which a backslash before it makes part of the text.
    fn until(&mut self, end: char) -> Result<String, String> {
        let mut text = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((at, it)) = characters.next() {
            match it {
                '\\' => match characters.next() {
                    Some((_, next)) if next == end => text.push(end),
                    Some((_, next)) => text.extend(['\\', next]),
                    None => break,
                },
                _ if it == end => {
                    self.at += at;
                    return Ok(text);
                }
                _ => text.push(it),
            }
        }
        Err(format!("{end:?} is missing"))
    }
}

fn regex(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern).map_err(|error| error.to_string())
}

/// A glob as a regular expression: `*`, `?`, `[…]` and `{a,b}`.
fn glob(text: &str) -> String {
    let mut pattern = "^".to_owned();
    let (mut in_class, mut in_braces) = (false, false);
    for it in text.chars() {
        match it {
            '[' if !in_class => in_class = true,
            ']' if in_class => in_class = false,
            '!' if in_class && pattern.ends_with('[') => {
                pattern.push('^');
                continue;
            }
            _ if in_class => {}
            '*' => {
                pattern.push_str(".*");
                continue;
            }
            '?' => {
                pattern.push('.');
                continue;
            }
            '{' => {
                in_braces = true;
                pattern.push_str("(?:");
                continue;
            }
            '}' if in_braces => {
                in_braces = false;
                pattern.push(')');
                continue;
            }
            ',' if in_braces => {
                pattern.push('|');
                continue;
            }
            _ => {
                pattern.push_str(&regex::escape(&it.to_string()));
                continue;
            }
        }
        pattern.push(it);
    }
    pattern.push('$');
    pattern
}

#[cfg(test)]
mod tests;
