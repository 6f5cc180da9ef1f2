//! A posted form: bounded, of the right kind, readable. Whatever else is wrong with it is said beside its fields.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use base::limits;
use people::Form;

use crate::problem::Problem;

/// The fields of a form as they were typed.
pub struct Posted(pub Form);

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(Problem::Unreadable(
                "フォームの形式ではない内容が送られました。画面のフォームから送信してください。",
            ));
        }
        let body = Bytes::from_request(request, state).await.map_err(|_| Problem::TooLarge)?;
        if body.len() > limits::FORM_BYTES {
            return Err(Problem::TooLarge);
        }
        let unreadable = Problem::Unreadable("文字を読み取れませんでした。文字コードを UTF-8 にして送信してください。");
        let pairs = serde_urlencoded::from_bytes::<Vec<(String, String)>>(&body).map_err(|_| unreadable)?;
        Ok(Posted(Form::new(pairs)))
    }
}
