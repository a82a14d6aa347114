//! The place of a made table in a page of the docs, between two marks.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::tools::root;

/// Where a table goes.
pub(crate) struct Place {
    /// The page, from the root of the repository.
    pub(crate) page: &'static str,
    /// The line before the table.
    pub(crate) start: &'static str,
    /// What follows it.
    pub(crate) end: &'static str,
}

impl Place {
    /// The table that is there.
    pub(crate) fn present(&self) -> Result<String> {
        Ok(self.parts()?.1)
    }

    /// Puts a table there.
    pub(crate) fn write(&self, table: &str) -> Result<()> {
        let (before, _, after) = self.parts()?;
        Ok(std::fs::write(self.path(), format!("{before}{}{table}{}{after}", self.start, self.end))?)
    }

    fn path(&self) -> PathBuf {
        root().join(self.page)
    }

    /// The page: before the table, the table, after it.
    fn parts(&self) -> Result<(String, String, String)> {
        let text = std::fs::read_to_string(self.path())?;
        let parts = text.split_once(self.start).and_then(|(before, rest)| Some((before, rest.split_once(self.end)?)));
        let (before, (table, after)) = parts.with_context(|| format!("{} has no place for the table", self.page))?;
        Ok((before.to_owned(), table.to_owned(), after.to_owned()))
    }
}
