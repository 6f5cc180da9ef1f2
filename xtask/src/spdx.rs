//! Licence expressions as crates write them: `A OR B`, `A AND B`, `A WITH exception`, brackets, and the old `A/B`.

/// Whether an expression can be satisfied with licences that `allowed` accepts; it gets the name and the exception, if any.
/// Errors say what could not be read.
pub fn satisfied(expression: &str, allowed: &dyn Fn(&str, Option<&str>) -> bool) -> Result<bool, String> {
    let tokens = tokens(expression);
    let mut reader = Reader { tokens: &tokens, at: 0, allowed };
    let result = reader.any()?;
    match reader.tokens.get(reader.at) {
        None => Ok(result),
        Some(token) => Err(format!("unexpected '{token}' in '{expression}'")),
    }
}

fn tokens(expression: &str) -> Vec<String> {
    // Before SPDX, a slash stood for a free choice.
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    spaced.split_whitespace().map(str::to_owned).collect()
}

struct Reader<'a> {
    tokens: &'a [String],
    at: usize,
    allowed: &'a dyn Fn(&str, Option<&str>) -> bool,
}

impl Reader<'_> {
    /// `OR` binds least.
    fn any(&mut self) -> Result<bool, String> {
        let mut result = self.all()?;
        while self.take("OR") {
            result |= self.all()?;
        }
        Ok(result)
    }

    fn all(&mut self) -> Result<bool, String> {
        let mut result = self.one()?;
        while self.take("AND") {
            result &= self.one()?;
        }
        Ok(result)
    }

    fn one(&mut self) -> Result<bool, String> {
        if self.take("(") {
            let result = self.any()?;
            return if self.take(")") { Ok(result) } else { Err("a bracket is not closed".to_owned()) };
        }
        let licence = self.name()?;
        let exception = if self.take("WITH") { Some(self.name()?) } else { None };
        Ok((self.allowed)(&licence, exception.as_deref()))
    }

    fn name(&mut self) -> Result<String, String> {
        let Some(token) = self.tokens.get(self.at) else { return Err("the expression ends too early".to_owned()) };
        if matches!(token.as_str(), "OR" | "AND" | "WITH" | "(" | ")") {
            return Err(format!("'{token}' where a licence should be"));
        }
        self.at += 1;
        Ok(token.clone())
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|token| token == word);
        self.at += usize::from(found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mit_isc_or_llvm(licence: &str, exception: Option<&str>) -> bool {
        matches!((licence, exception), ("MIT" | "ISC", None) | ("Apache-2.0", Some("LLVM-exception")))
    }

    #[test]
    fn expressions_are_weighed() {
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0-only", false),
            ("MIT OR GPL-3.0-only", true),
            ("MIT AND GPL-3.0-only", false),
            ("GPL-3.0-only OR MIT AND ISC", true),
            ("GPL-3.0-only AND MIT OR ISC", true),
            ("GPL-3.0-only AND (MIT OR ISC)", false),
            ("(MIT OR GPL-3.0-only) AND ISC", true),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0", false),
            ("MIT WITH LLVM-exception", false),
            ("GPL-2.0/MIT", true),
            ("GPL-2.0 / AGPL-3.0", false),
        ] {
            assert_eq!(satisfied(expression, &mit_isc_or_llvm), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_no_permission() {
        for expression in ["", "MIT OR", "AND MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH"] {
            assert!(satisfied(expression, &mit_isc_or_llvm).is_err(), "{expression}");
        }
    }
}
