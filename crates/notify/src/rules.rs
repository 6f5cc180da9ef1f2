//! When a failed way is tried again, when the next is taken, how long a link opens. Pure.

use base::{Instant, Span};

use crate::{Topic, Way};

/// Our word for a failure that the gateway reported.
pub(crate) const REPORTED: &str = "reported";

/// Waits after the first, second and third failure of one way.
pub const BACKOFF: [Span; 3] = [Span::seconds(2), Span::seconds(5), Span::seconds(10)];
/// The next way is taken at the latest this long after the first failure.
pub const NEXT_WAY_WITHIN: Span = Span::seconds(60);
/// One try ends after this long, whatever the other side does.
pub const DELIVERY_TIMEOUT: Span = Span::seconds(10);
/// A leased attempt whose outcome was not recorded by then counts as failed: its runner died.
pub const LEASE: Span = Span::seconds(20);
/// Deliveries under way at a time.
pub const IN_FLIGHT: usize = 16;
/// Attempts in the queue; a further one fails at once and is taken to a person's list.
pub const QUEUE: usize = 10_000;
/// Messages of one page of one's own, and of those that reached nobody.
pub const INBOX_ROWS: usize = 50;
/// Unread messages are counted up to so many: the count stands on every page.
pub const UNREAD_COUNTED: usize = 1000;
/// How long receipts and read messages are kept.
pub const KEEP: Span = Span::days(90);
/// How long the address of a way that was not needed is kept: a gateway may still report a failure.
pub const KEEP_ADDRESSES: Span = Span::hours(24);

/// Who did not answer a question is called again after this time: both calls are over within the half hour after which
/// no answer is an alert.
pub const CALL_AGAIN: Span = Span::minutes(12);

/// How long a way waits that follows one that failed.
pub fn next_way_after(failed: Way, next: Way) -> Span {
    if failed == Way::Phone && next == Way::Phone { CALL_AGAIN } else { Span::ZERO }
}

/// What follows a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AfterFailure {
    RetryAt(Instant),
    NextWay,
}

/// `tries` counts the failed one. A retry must be over before [`NEXT_WAY_WITHIN`] is, even if its runner dies
/// with it.
pub fn after_failure(tries: u32, first_failed: Instant, now: Instant) -> AfterFailure {
    let Some(wait) = usize::try_from(tries).ok().and_then(|n| BACKOFF.get(n.saturating_sub(1))) else {
        return AfterFailure::NextWay;
    };
    let retry = now + *wait;
    if retry + LEASE > first_failed + NEXT_WAY_WITHIN {
        return AfterFailure::NextWay;
    }
    AfterFailure::RetryAt(retry)
}

/// How long the link of a message opens. A question 「お変わりありませんか」 is followed by a call within hours; a button
/// pressed the next day would answer for another morning.
pub const fn link_valid(topic: Topic) -> Span {
    match topic {
        Topic::NoticeAsked => Span::hours(12),
        Topic::AlertRaised | Topic::AmbulanceCalled | Topic::CaseOverdue | Topic::VisitRequested => Span::hours(24),
        _ => Span::days(7),
    }
}

/// The outside ways of a message in order, each once; somebody may be called twice.
pub fn outside(ways: &[Way]) -> Vec<Way> {
    let mut outside: Vec<Way> = Vec::new();
    for way in ways {
        let calls = outside.iter().filter(|taken| **taken == Way::Phone).count();
        let again = *way == Way::Phone && calls < 2;
        if *way != Way::Screen && (again || !outside.contains(way)) {
            outside.push(*way);
        }
    }
    outside
}

/// By when a gateway that reports must have told what became of an attempt it accepted; after that it counts as failed.
/// A delivery report of an SMS takes seconds, a call that is repeated once some three minutes.
pub const fn report_within(topic: Topic) -> Span {
    if topic.urgent() { Span::minutes(5) } else { Span::hours(1) }
}

/// Why an attempt failed, for whoever must now reach the recipient by other means.
pub fn failure_ja(word: &str) -> &'static str {
    match word {
        "no_address" => "連絡先が登録されていません",
        "address" => "アドレスの形が正しくありません",
        "not_set_up" => "この送り方は設定されていません",
        "queue_full" => "送信待ちが多すぎて送れませんでした",
        "mail_refused" => "相手のメールサーバーに受け取りを断られました",
        "mail_server" => "メールサーバーにつながりませんでした",
        "gateway_refused" => "番号が使われていないか、受け取りを断られました",
        "gateway_unreachable" => "送信サービスにつながりませんでした",
        "gateway_busy" | "gateway_error" => "送信サービスが受け付けませんでした",
        "timeout" => "時間内に応答がありませんでした",
        "reported" => "相手に届かなかったと報告がありました",
        "no_report" => "届いたという報告が時間内にありませんでした",
        _ => "送信の途中で失敗しました",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_retries_after_2_5_and_10_seconds() {
        let t = Instant::from_unix_seconds(1_800_000_000);
        assert_eq!(after_failure(1, t, t), AfterFailure::RetryAt(t + Span::seconds(2)));
        assert_eq!(after_failure(2, t, t + Span::seconds(2)), AfterFailure::RetryAt(t + Span::seconds(7)));
        assert_eq!(after_failure(3, t, t + Span::seconds(7)), AfterFailure::RetryAt(t + Span::seconds(17)));
        assert_eq!(after_failure(4, t, t + Span::seconds(17)), AfterFailure::NextWay);
    }

    proptest! {
        /// However long each try takes to fail (its lease at most, when the runner dies with it), the next way is taken
        /// within a minute of the first failure.
        #[test]
        fn the_next_way_is_taken_within_a_minute(lengths in prop::collection::vec(0i64..=LEASE.0, 8)) {
            let first = Instant::from_unix_seconds(1_800_000_000);
            let (mut now, mut tries) = (first, 1);
            while let AfterFailure::RetryAt(at) = after_failure(tries, first, now) {
                now = at + Span(lengths[tries as usize]);
                tries += 1;
            }
            prop_assert!(now - first <= NEXT_WAY_WITHIN);
            prop_assert!(tries <= 4);
        }
    }

    #[test]
    fn each_way_is_taken_once_and_the_screen_is_none_of_them() {
        let ways = [Way::Sms, Way::Screen, Way::Mail, Way::Sms, Way::Phone];
        assert_eq!(outside(&ways), [Way::Sms, Way::Mail, Way::Phone]);
    }
}
