//! Where a fault happens.

/// What a fault may hit.
///
/// # Examples
/// ```
/// use simoom_faults::{Place, Target};
///
/// let wal = Place::file("server", "data/wal");
/// assert!(Target::path("data/*").covers(&wal));
/// assert!(Target::node("server").covers(&wal));
/// assert!(!Target::link("server", "client").covers(&wal));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// Anything (default).
    #[default]
    Any,
    /// What happens on the node of this name, or on a link from or to it.
    Node(String),
    /// What travels from one node to another.
    Link {
        /// The sender's name.
        from: String,
        /// The receiver's name.
        to: String,
    },
    /// Files whose path fits a pattern, in which `*` stands for any text; for
    /// [`UserBuggified`](crate::Kind::UserBuggified) the module's path, `::` and the label.
    Path {
        /// The node's name; any if there is none.
        node: Option<String>,
        /// The pattern.
        pattern: String,
    },
}

impl Target {
    /// The node called `name`.
    #[must_use]
    pub fn node(name: &str) -> Self {
        Self::Node(name.to_owned())
    }

    /// The link from one node to another.
    #[must_use]
    pub fn link(from: &str, to: &str) -> Self {
        Self::Link {
            from: from.to_owned(),
            to: to.to_owned(),
        }
    }

    /// Files of any node whose path fits `pattern`; `*` stands for any text.
    ///
    /// Paths are whole: `/data/log`, also where the program said `data/log`.
    #[must_use]
    pub fn path(pattern: &str) -> Self {
        Self::Path {
            node: None,
            pattern: pattern.to_owned(),
        }
    }

    /// Files of one node whose path fits `pattern`; `*` stands for any text.
    ///
    /// Paths are whole: `/data/log`, also where the program said `data/log`.
    #[must_use]
    pub fn path_on(node: &str, pattern: &str) -> Self {
        Self::Path {
            node: Some(node.to_owned()),
            pattern: pattern.to_owned(),
        }
    }

    /// Whether what happens at `place` is meant.
    #[must_use]
    pub fn covers(&self, place: &Place<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Node(name) => place.node == name || place.peer == Some(name),
            Self::Link { from, to } => place.node == from && place.peer == Some(to),
            Self::Path { node, pattern } => {
                let fits = |path| is_match(pattern.as_bytes(), str::as_bytes(path));
                node.as_ref().is_none_or(|node| place.node == node) && place.path.is_some_and(fits)
            }
        }
    }
}

/// Where something happens: on a node, perhaps on its way to another, perhaps to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The node's name; of a link, the sender's.
    pub node: &'a str,
    /// The receiver's name.
    pub peer: Option<&'a str>,
    /// The file's path, or the label of a marked place.
    pub path: Option<&'a str>,
}

impl<'a> Place<'a> {
    /// On a node.
    #[must_use]
    pub fn node(node: &'a str) -> Self {
        Self {
            node,
            peer: None,
            path: None,
        }
    }

    /// On the way from one node to another.
    #[must_use]
    pub fn link(from: &'a str, to: &'a str) -> Self {
        Self {
            node: from,
            peer: Some(to),
            path: None,
        }
    }

    /// To a file of a node.
    #[must_use]
    pub fn file(node: &'a str, path: &'a str) -> Self {
        Self {
            node,
            peer: None,
            path: Some(path),
        }
    }
}

/// Whether `text` fits `pattern`, in which `*` stands for any bytes.
fn is_match(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut seen) = (0, 0);
    // Where to go on if the text after the last `*` does not fit: one byte further.
    let mut retry = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                retry = Some((at + 1, seen));
                at += 1;
            }
            Some(&byte) if byte == text[seen] => {
                at += 1;
                seen += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    retry = Some((after, from + 1));
                    (at, seen) = (after, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests;
