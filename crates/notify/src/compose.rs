//! The catalogue of texts that leave the desk. None names a person, a place or an illness; all subjects are one.

use crate::{Topic, Way};

/// A text ready to be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Text {
    /// For mails.
    pub subject: &'static str,
    pub body: String,
}

/// One subject for every topic: it stands on locked telephones.
const SUBJECT: &str = "【つながり】ご確認のお願い";
const OPENING: &str = "つながりからのお知らせです。";

/// What a voice asks; the gateway takes one of the three keys.
const QUESTION: &str =
    "お変わりありませんか。お変わりなければ1を、電話がほしいときは2を、体調が悪いときは3を押してください。";

/// The text of this topic for this way, with the link where the way can carry one.
pub fn compose(topic: Topic, way: Way, link: Option<&str>) -> Text {
    let request = request(topic);
    let body = match (way, link) {
        // It takes a key instead of a link.
        (Way::Phone, _) if topic == Topic::NoticeAsked => format!("{OPENING}{QUESTION}"),
        // A voice cannot speak a link.
        (Way::Phone, _) => format!("{OPENING}{request}詳しくは、つながりの画面またはメールをご覧ください。"),
        (Way::Sms, Some(link)) => format!("{OPENING}{request}\n{link}"),
        (_, Some(link)) => format!(
            "{OPENING}\n{request}\n\n{link}\n\n※リンクには有効期限があり、一度だけ使えます。\n※このメールは送信専用です。"
        ),
        (_, None) => format!("{OPENING}{request}つながりの画面にログインしてご覧ください。"),
    };
    Text { subject: SUBJECT, body }
}

fn request(topic: Topic) -> &'static str {
    match topic {
        Topic::NoticeAsked => "お変わりないか、お知らせをお願いします。",
        Topic::AlertRaised | Topic::AmbulanceCalled | Topic::CaseOverdue => "至急、ご確認をお願いします。",
        Topic::VisitRequested | Topic::ConsultationAsked => "お願いがあります。内容のご確認をお願いします。",
        Topic::AccountCreated => "利用者登録が行われました。お心当たりがないときは、事務局にご連絡ください。",
        Topic::AccountReissued => {
            "初回設定コードが再発行され、これまでのパスワードは使えなくなりました。お心当たりがないときは、すぐに事務局にご連絡ください。"
        }
        Topic::AccountSuspended => "利用者登録が停止されました。お心当たりがないときは、事務局にご連絡ください。",
        Topic::AccountReinstated => "利用者登録の停止が解除されました。",
        Topic::DeliveryTest => "配信の試験です。ご対応は不要です。",
        Topic::CaseTaken
        | Topic::CaseClosed
        | Topic::NoteWaiting
        | Topic::AbsenceEntered
        | Topic::GatewaySilent
        | Topic::AccountRequestWaits
        | Topic::AccountRequestApproved
        | Topic::AccountRequestDeclined
        | Topic::AccountRequestEnded => "ご確認をお願いします。",
    }
}
