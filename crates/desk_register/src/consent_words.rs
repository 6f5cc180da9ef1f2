//! What happens when a resident says yes to a scope, and when the yes ends, in the words in which it is explained to
//! them. It must say what the program does, no more.

use people::ConsentScope;

pub struct Meaning {
    /// With a yes.
    pub given: &'static str,
    /// When the yes is taken back.
    pub ended: &'static str,
}

pub const fn meaning(scope: ConsentScope) -> Meaning {
    let (given, ended) = match scope {
        ConsentScope::Watch => (
            "ご自宅のセンサーの検知を受け取り、いつもと違うときにコールセンターがお電話し、必要なら連絡先や訪問する方に知らせます。",
            "検知の受け取りをその場で止めます。ご家族への開示も同時に終わります。それまでの記録は保存期間の間残ります。",
        ),
        ConsentScope::CareSharing => (
            "ケアチームに加わった医師・看護師・薬剤師・ケアマネジャー・訪問介護員が、連絡帳、医療情報の要約、見守りの様子を見て、書き込めるようになります。",
            "ケアチームの全員が、その場でこの方の情報を見られなくなります。チームの名簿と書かれた記事は残ります。",
        ),
        ConsentScope::FamilyAlerts(_) => (
            "この連絡先の方の画面に、アラートがあったこと、だれかが対応していること、結果が表示されます。ご本人にお変わりないかを尋ねるときは、この方にもご本人の様子を尋ねます。不在予定の登録もできます。",
            "この連絡先の方は、その場でアラートと結果を見られなくなります。緊急時の電話は、連絡先としてこれまでどおり行います。",
        ),
        ConsentScope::FamilyWatch(_) => (
            "この連絡先の方の画面に、ご自宅の生活の様子（部屋ごとの動きと室温）が表示されます。",
            "この連絡先の方は、その場で生活の様子を見られなくなります。",
        ),
        ConsentScope::Roster => (
            "災害に備え、避難行動要支援者名簿を平時から支援する方々に提供してよいことを記録します。",
            "平時の提供をしてよいという記録が終わります。すでに渡した名簿の回収は、市の担当にご依頼ください。",
        ),
        ConsentScope::PlanMaking => {
            ("個別避難計画を作ってよいことを記録します。", "計画を作ってよいという記録が終わります。")
        }
        ConsentScope::PlanSharing => (
            "個別避難計画を平時から支援する方々に提供してよいことを記録します。",
            "平時の提供をしてよいという記録が終わります。",
        ),
        ConsentScope::Emergency => (
            "救急に備えて、必要な情報をあらかじめ消防に提供してよいことを記録します。",
            "あらかじめの提供をしてよいという記録が終わります。",
        ),
        ConsentScope::AcpEmergency => (
            "人生会議（ACP）で話し合った内容を、救急のときに提供してよいことを記録します。",
            "救急のときの提供をしてよいという記録が終わります。",
        ),
        ConsentScope::Analysis => (
            "個人が分からない形に加工した上で、地域の分析に使ってよいことを記録します。",
            "以後の分析に使わないことを記録します。",
        ),
        ConsentScope::WideArea => (
            "他の市町村の医療・介護の関係者と連携してよいことを記録します。",
            "他の市町村との連携をしてよいという記録が終わります。",
        ),
    };
    Meaning { given, ended }
}
