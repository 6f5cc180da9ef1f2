//! What the dependencies' licences are, where they come from, and that there is one TLS library among them.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::place::Place;
use crate::spdx;

/// Licences that leave a city free to run, change and pass on the program under ours.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];
const ALLOWED_EXCEPTIONS: &[(&str, &str)] = &[("Apache-2.0", "LLVM-exception")];

/// TLS is rustls with ring; a second provider would mean a second list of weaknesses to watch.
const REFUSED: &[&str] = &[
    "openssl",
    "openssl-sys",
    "openssl-src",
    "native-tls",
    "aws-lc-rs",
    "aws-lc-sys",
    "boring",
    "boring-sys",
    "s2n-tls",
];

const SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Everything that is wrong, one line each.
pub fn problems(place: &Place) -> Result<Vec<String>> {
    let mut found = of_crates(&place.metadata()?)?;
    let lock = place.root.join("tests/browser/package-lock.json");
    if lock.exists() {
        found.extend(of_npm(&serde_json::from_slice(&fs::read(lock)?)?));
    }
    Ok(found)
}

fn of_crates(metadata: &Value) -> Result<Vec<String>> {
    let packages = metadata["packages"].as_array().context("cargo metadata without packages")?;
    let mut found = Vec::new();
    for package in packages {
        let name = text(package, "name");
        let label = format!("{name} {}", text(package, "version"));
        match package["license"].as_str() {
            None => found.push(format!("{label}: names no licence")),
            Some(licence) => found.extend(refusal(&label, licence)),
        }
        match package["source"].as_str() {
            Some(source) if source != SOURCE => found.push(format!("{label}: comes from {source}")),
            _ => {}
        }
        if REFUSED.contains(&name) {
            found.push(format!("{label}: a second TLS library; rustls with ring is the one"));
        }
    }
    Ok(found)
}

/// The browser tests' packages never reach a user, but they lie on every developer's machine.
fn of_npm(lock: &Value) -> Vec<String> {
    let Some(packages) = lock["packages"].as_object() else { return vec!["package-lock.json: no packages".to_owned()] };
    packages
        .iter()
        .filter_map(|(path, package)| {
            let label = if path.is_empty() { "tests/browser" } else { path };
            match package["license"].as_str() {
                Some(licence) => refusal(label, licence),
                None => Some(format!("{label}: names no licence")),
            }
        })
        .collect()
}

fn refusal(label: &str, licence: &str) -> Option<String> {
    match spdx::satisfied(licence, &allowed) {
        Ok(true) => None,
        Ok(false) => Some(format!("{label}: {licence} is not among the allowed licences")),
        Err(error) => Some(format!("{label}: {error}")),
    }
}

fn allowed(licence: &str, exception: Option<&str>) -> bool {
    match exception {
        None => ALLOWED.contains(&licence),
        Some(exception) => ALLOWED_EXCEPTIONS.contains(&(licence, exception)),
    }
}

fn text<'a>(package: &'a Value, field: &str) -> &'a str {
    package[field].as_str().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(package: Value) -> Vec<String> {
        of_crates(&json!({ "packages": [package] })).unwrap()
    }

    #[test]
    fn an_ordinary_crate_passes() {
        let package = json!({"name": "itoa", "version": "1.0.0", "license": "MIT OR Apache-2.0", "source": SOURCE});
        assert_eq!(one(package), Vec::<String>::new());
    }

    #[test]
    fn each_kind_of_trouble_is_named() {
        let copyleft = json!({"name": "a", "version": "1.0.0", "license": "AGPL-3.0-only", "source": SOURCE});
        let silent = json!({"name": "b", "version": "1.0.0", "license": null, "source": SOURCE});
        let elsewhere =
            json!({"name": "c", "version": "1.0.0", "license": "MIT", "source": "git+https://example.org/c"});
        let tls = json!({"name": "openssl-sys", "version": "0.9.0", "license": "MIT", "source": SOURCE});
        for package in [copyleft, silent, elsewhere, tls] {
            assert_eq!(one(package.clone()).len(), 1, "{package}");
        }
    }

    #[test]
    fn npm_packages_are_read_from_the_lock() {
        let lock = json!({"packages": {"": {"license": "MIT"}, "node_modules/a": {"license": "GPL-3.0"}, "node_modules/b": {}}});
        assert_eq!(of_npm(&lock).len(), 2);
    }
}
