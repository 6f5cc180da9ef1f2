//! A posted form: bounded, of the right kind, readable. Whatever else is wrong with it is said beside its fields.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use base::limits;
use form::Form;
use futures_util::StreamExt;

use crate::problem::Problem;

/// The fields of a form as they were typed.
pub struct Posted(pub Form);

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let is_form = kind.starts_with("application/x-www-form-urlencoded");
        let body = whole(request.into_body()).await?;
        if !is_form {
            return Err(Problem::Unreadable(
                "フォームの形式ではない内容が送られました。画面のフォームから送信してください。",
            ));
        }
        let unreadable = Problem::Unreadable("文字を読み取れませんでした。文字コードを UTF-8 にして送信してください。");
        let pairs = serde_urlencoded::from_bytes::<Vec<(String, String)>>(&body).map_err(|_| unreadable)?;
        Ok(Posted(Form::new(pairs)))
    }
}

/// The body, if it is no longer than a form may be. What is beyond that is read and thrown away, within bounds, so that
/// the sender gets to see the answer.
async fn whole(body: Body) -> Result<Vec<u8>, Problem> {
    let mut kept = Vec::new();
    let mut seen = 0;
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Problem::Unreadable("送信が途中で切れました。もう一度送信してください。"))?;
        seen += chunk.len();
        if seen <= limits::FORM_BYTES {
            kept.extend_from_slice(&chunk);
        } else if seen > limits::SWALLOWED_POST_BYTES {
            break;
        }
    }
    if seen > limits::FORM_BYTES { Err(Problem::TooLarge) } else { Ok(kept) }
}
