//! Words that stand in texts of deserializers and never come from a client.

/// serde_json's faults of the syntax.
pub(super) const SYNTAX: [&str; 22] = [
    "EOF while parsing a list",
    "EOF while parsing an object",
    "EOF while parsing a string",
    "EOF while parsing a value",
    "expected `:`",
    "expected `,` or `]`",
    "expected `,` or `}`",
    "expected ident",
    "expected value",
    "expected `\"`",
    "invalid escape",
    "invalid number",
    "number out of range",
    "invalid unicode code point",
    "control character (\\u0000-\\u001F) found while parsing a string",
    "key must be a string",
    "lone leading surrogate in hex escape",
    "trailing comma",
    "trailing characters",
    "unexpected end of hex escape",
    "recursion limit exceeded",
    "float key must be finite (got NaN or +/-inf)",
];

/// What `FromStr` of the standard library's types says.
pub(super) const PARSED: [&str; 14] = [
    "cannot parse integer from empty string",
    "invalid digit found in string",
    "number too large to fit in target type",
    "number too small to fit in target type",
    "number would be zero for non-zero type",
    "cannot parse float from empty string",
    "invalid float literal",
    "provided string was not `true` or `false`",
    "cannot parse char from empty string",
    "too many characters in string",
    "invalid IP address syntax",
    "invalid IPv4 address syntax",
    "invalid IPv6 address syntax",
    "invalid socket address syntax",
];

/// How a message of serde's begins, by what follows.
pub(super) enum Opening {
    /// A kind of value, perhaps the value, and what was expected.
    Kind(&'static str),
    /// A word of the client's and what was expected.
    Word(&'static str),
    /// A name of the program's.
    Name(&'static str),
    /// Nothing that is worth telling.
    Alone(&'static str),
}

impl Opening {
    pub(super) fn text(&self) -> &'static str {
        match self {
            Self::Kind(text) | Self::Word(text) | Self::Name(text) | Self::Alone(text) => text,
        }
    }

    /// Its words alone.
    pub(super) fn known(&self) -> &'static str {
        self.text().trim_end_matches([' ', '`', ':'])
    }
}

/// serde's own messages.
pub(super) const OPENINGS: [Opening; 8] = [
    Opening::Kind("invalid type: "),
    Opening::Kind("invalid value: "),
    Opening::Word("invalid length "),
    Opening::Word("unknown variant `"),
    Opening::Word("unknown field `"),
    Opening::Name("missing field `"),
    Opening::Name("duplicate field `"),
    Opening::Alone("data did not match any variant"),
];

/// Kinds of values, and what follows each.
pub(super) const KINDS: [(&str, &str); 18] = [
    ("boolean", " `"),
    ("integer", " `"),
    ("floating point", " `"),
    ("character", " `"),
    ("string", " \""),
    ("null", ","),
    ("number", ","),
    ("byte array", ","),
    ("unit value", ","),
    ("Option value", ","),
    ("newtype struct", ","),
    ("sequence", ","),
    ("map", ","),
    ("enum", ","),
    ("unit variant", ","),
    ("newtype variant", ","),
    ("tuple variant", ","),
    ("struct variant", ","),
];
