//! The files a page loads: embedded in the program, addressed by their content, so that browsers keep them for a year
//! and an update is seen at once. Knows no page. The list is closed: what is not in [`SERVED`] does not exist.

use std::collections::HashMap;
use std::sync::OnceLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base::hex;
use sha2::{Digest, Sha256};

#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../assets/"]
struct Files;

pub const TOKENS: &str = "vendor/design-tokens-1.1.9.css";
pub const STYLE: &str = "tsunagari.css";
pub const HTMX: &str = "vendor/htmx-2.0.11.min.js";
pub const HTMX_SSE: &str = "vendor/htmx-ext-sse-2.2.4.min.js";
pub const SCRIPT: &str = "tsunagari.js";
pub const ICON: &str = "favicon.svg";

const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

const SERVED: [(&str, &str); 6] = [(TOKENS, CSS), (STYLE, CSS), (HTMX, JS), (HTMX_SSE, JS), (SCRIPT, JS), (ICON, SVG)];

/// `GET /assets/{hash}/{file}`: no session, no person, so no access rule and no audit row.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{hash}/{*file}", get(serve))
}

/// The address of a file, for example `/assets/3f2a…/tsunagari.css`.
///
/// # Panics
/// For a name outside the constants of this module.
pub fn url(file: &str) -> &'static str {
    &stored().get(file).expect("an asset is named by a constant of this module").url
}

pub async fn serve(Path((hash, file)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(asset) = stored().get(file.as_str()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // A page from before an update asks under the old hash: it gets the new file, but must not keep it.
    let caching = if hash == asset.hash { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == asset.etag.as_bytes());
    let mut response = match (known, Files::get(&file)) {
        (true, _) => StatusCode::NOT_MODIFIED.into_response(),
        (false, Some(found)) => found.data.into_owned().into_response(),
        (false, None) => return StatusCode::NOT_FOUND.into_response(),
    };
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    out.insert(header::ETAG, asset.etag.clone());
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

struct Asset {
    url: String,
    hash: String,
    etag: HeaderValue,
    kind: &'static str,
}

fn stored() -> &'static HashMap<&'static str, Asset> {
    static STORED: OnceLock<HashMap<&'static str, Asset>> = OnceLock::new();
    STORED.get_or_init(|| SERVED.iter().filter_map(|(file, kind)| Some((*file, read(file, kind)?))).collect())
}

fn read(file: &'static str, kind: &'static str) -> Option<Asset> {
    let found = Files::get(file)?;
    let hash: String = hex(&Sha256::digest(&found.data))[..16].to_owned();
    let etag = HeaderValue::from_str(&format!("\"{hash}\"")).ok()?;
    Some(Asset { url: format!("/assets/{hash}/{file}"), hash, etag, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_file_is_there_and_its_address_changes_with_its_content() {
        for (file, _) in SERVED {
            let address = url(file);
            assert!(address.starts_with("/assets/") && address.ends_with(file), "{address}");
            assert_eq!(address.split('/').nth(2).map(str::len), Some(16));
        }
    }

    #[test]
    fn vendored_files_are_the_ones_the_readme_names() {
        let readme = Files::get("README.md").expect("assets/README.md");
        let readme = String::from_utf8_lossy(&readme.data).into_owned();
        for (file, _) in SERVED.iter().filter(|(file, _)| file.starts_with("vendor/")) {
            let found = Files::get(file).expect("a vendored file");
            let row = readme.lines().find(|line| line.contains(&format!("`{file}`"))).expect("a row in README.md");
            assert!(row.contains(&hex(&Sha256::digest(&found.data))), "{file} differs from README.md");
        }
    }

    #[tokio::test]
    async fn an_old_address_gives_the_new_file_but_is_not_kept() {
        let ask = |hash: &str, file: &str| serve(Path((hash.to_owned(), file.to_owned())), HeaderMap::new());
        let hash = url(STYLE).split('/').nth(2).unwrap_or_default().to_owned();
        let fresh = ask(&hash, STYLE).await;
        assert_eq!(fresh.headers()[header::CONTENT_TYPE], CSS);
        assert!(fresh.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert_eq!(ask("0123", STYLE).await.headers()[header::CACHE_CONTROL], "no-cache");
        assert_eq!(ask(&hash, "README.md").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(ask(&hash, "../Cargo.toml").await.status(), StatusCode::NOT_FOUND);

        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, fresh.headers()[header::ETAG].clone());
        let again = serve(Path((hash, STYLE.to_owned())), headers).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }
}
