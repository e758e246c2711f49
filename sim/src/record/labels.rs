//! What people call tasks and things, in lines that are read and not compared.
//!
//! Owns the short names. Stored text is longer, since it is to mean the same in any run.

use super::Names;
use crate::choice::{parse_path, unescape};

/// The most bytes of a task's name beside the module that it stands in.
const NAME_MAX: usize = 28;

impl Names {
    /// Gives the task `path` its short name.
    pub(crate) fn label_task(&mut self, path: u64, label: String) {
        self.2.insert(path, label);
    }

    /// The task with this path, as people read it: the node, and the end of the name.
    pub(crate) fn task(&self, path: u64) -> String {
        let label = match self.2.get(&path) {
            Some(label) => label,
            None => return self.name(path),
        };
        let (node, name) = match label.split_once('/') {
            Some((node, name)) => (node, name),
            None => return label.clone(),
        };
        let mut parts = name.rsplit("::");
        let own = parts.next().unwrap_or(name);
        match parts.next() {
            Some(outer) if outer.len() + own.len() <= NAME_MAX => {
                format!("{node}/{outer}::{own}")
            }
            _ => format!("{node}/{own}"),
        }
    }

    /// The names of the nodes, by their numbers.
    pub(crate) fn nodes(&self) -> &[String] {
        &self.1
    }

    /// The node of this number.
    pub(crate) fn node_called(&self, number: u64) -> &str {
        let name = self.1.get(number as usize);
        name.map_or("a node", String::as_str)
    }

    /// The thing with this name, as people read it, if it has one: what a task was first to use as
    /// `server/main!0`, a connection by who opened it, what a fault hit by its own name.
    pub(crate) fn thing(&self, name: u64) -> Option<String> {
        let text = self.0.get(&name)?;
        if let Some(thing) = text.strip_prefix('=') {
            return unescape(thing);
        }
        let label = |path: &str| parse_path(path).map(|hash| self.task(hash.0));
        if let Some((path, number)) = text.rsplit_once('!') {
            return Some(format!("{}!{number}", label(path)?));
        }
        if let Some((path, flow)) = text.rsplit_once('@') {
            let (_, target) = flow.split_once('>')?;
            return Some(format!("from {} to {target}", label(path)?));
        }
        let (path, connection) = text.rsplit_once('~')?;
        let (way, number) = match (connection.strip_suffix('>'), connection.strip_suffix('<')) {
            (Some(number), _) => ("from ", number),
            (_, Some(number)) => ("to ", number),
            _ => ("of ", connection),
        };
        Some(format!("connection {number} {way}{}", label(path)?))
    }
}
