//! What a role of the database may do with a table or a view.

/// A privilege of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Privilege {
    /// The table or view, with its schema.
    pub(crate) on: &'static str,
    /// The privileges of SQL, such as `SELECT, INSERT`.
    pub(crate) rights: &'static str,
}

impl Privilege {
    /// The statement that grants it.
    pub(crate) fn grant(&self, role: &str) -> String {
        let Self { on, rights } = self;
        format!("GRANT {rights} ON {on} TO {role};\n")
    }

    /// The schema of the table or view.
    pub(crate) fn schema(&self) -> &'static str {
        self.on.split_once('.').map_or(self.on, |(schema, _)| schema)
    }
}
