//! Photos of a visit, closed at first.

use base::Instant;
use maud::{Markup, html};
use page::address;
use page::components::at;
use response::Photo;

/// Closed at first: whoever opens it has looked, and each picture that is loaded is recorded.
pub fn shown(photos: &[&Photo], now: Instant) -> Markup {
    html! {
        @if !photos.is_empty() {
            details.photos {
                summary { "訪問の写真を見る（" (photos.len()) "枚）" }
                ul.photo-list {
                    @for (n, photo) in photos.iter().enumerate() {
                        li {
                            figure {
                                a href=(address::photo(photo.id)) {
                                    img src=(address::photo(photo.id)) width=(photo.width) height=(photo.height) loading="lazy"
                                        alt={ "訪問の写真 " (n + 1) "枚目" };
                                }
                                figcaption { (photo.caption.expose()) " " span.soft { (at(photo.at, now)) } }
                            }
                        }
                    }
                }
                p.soft { "写真を見たことは記録されます。" }
            }
        }
    }
}
