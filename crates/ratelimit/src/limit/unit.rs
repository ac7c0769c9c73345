/// What a cell of a quota is: the quota units (`qu`) of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// A request, or a share of one.
    #[default]
    Requests,
    /// A byte of content: for limits with [`crate::Limit::cost_by`].
    ContentBytes,
}

impl Unit {
    /// The parameter as it is written; the default is left out.
    pub(crate) const fn parameter(self) -> &'static str {
        match self {
            Self::Requests => "",
            Self::ContentBytes => ";qu=\"content-bytes\"",
        }
    }
}
