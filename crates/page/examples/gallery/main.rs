//! Every component in several states, with fictional data: to look at, to photograph, to test for accessibility.
//!
//! `cargo run -p web --example gallery` serves on 127.0.0.1:8099 under the real content policy;
//! `cargo run -p web --example gallery -- DIR` writes the pages and assets into a folder instead.

mod home;

use std::path::Path;

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use base::wareki::Date;
use base::{Instant, Span};
use maud::{Markup, html};
use page::assets;
use page::components::*;
use page::layout::{Banner, NavItem, PageHead, Who, content_policy, page};

const NONCE: &str = "gallery";
/// An address and what is shown there.
type Shown = (&'static str, fn() -> String);

const PAGES: [Shown; 5] =
    [("desk", desk), ("parts", parts), ("forms", forms), ("pictures", home::pictures), ("trouble", trouble)];

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(folder) = std::env::args().nth(1) {
        return Ok(write_to(Path::new(&folder))?);
    }
    let mut routes: Router = assets::routes();
    for (name, make) in PAGES {
        let answer = move || async move {
            ([(header::CONTENT_SECURITY_POLICY, content_policy(NONCE))], Html(make())).into_response()
        };
        routes = routes.route(&format!("/{name}"), get(answer));
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8099").await?;
    Ok(axum::serve(listener, routes).await?)
}

fn write_to(folder: &Path) -> std::io::Result<()> {
    for (name, make) in PAGES {
        std::fs::create_dir_all(folder.join(name))?;
        std::fs::write(folder.join(name).join("index.html"), make())?;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
    for file in [assets::TOKENS, assets::STYLE, assets::HTMX, assets::HTMX_SSE, assets::SCRIPT, assets::ICON] {
        let to = folder.join(assets::url(file).trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().unwrap_or(folder))?;
        std::fs::copy(source.join(file), to)?;
    }
    Ok(())
}

fn now() -> Instant {
    Instant::parse("2026-11-22T10:42:05").unwrap_or_default()
}

fn ago(minutes: i64) -> Instant {
    now() - Span::minutes(minutes)
}

fn framed(title: &str, banners: Vec<Banner<'static>>, refresh: Option<u32>, body: Markup) -> String {
    let nav = [
        NavItem {
            href: "/desk", label: "受付", count: Some(4), live: None, current: title == "次に対応する方"
        },
        NavItem { href: "/parts", label: "部品", count: None, live: None, current: title == "部品の一覧" },
        NavItem { href: "/forms", label: "入力", count: None, live: None, current: title == "利用者の登録" },
        NavItem { href: "/pictures", label: "図", count: None, live: None, current: title == "暮らしの様子" },
        NavItem { href: "/trouble", label: "困ったとき", count: None, live: None, current: false },
    ];
    let who =
        Who { name: "見本 一郎", role: "コールセンター", office: "架空市見守りコールセンター" };
    let head = PageHead::new(title, now(), NONCE);
    page(&PageHead { nav: &nav, who: Some(who), banners, refresh_without_script: refresh, ..head }, body).into_string()
}

fn somebody<'a>(marks: &'a [Mark]) -> PersonHead<'a> {
    PersonHead {
        name: "髙橋 サキ子",
        kana: "タカハシ サキコ",
        age: Some(88),
        sex: "女",
        born: Date::new(1938, 4, 1),
        town: "架空市 南見本町",
        marks,
        href: None,
    }
}

fn some_marks() -> Vec<Mark> {
    let pet = Mark::pet("ペット（犬・室内）");
    vec![Mark::alone(), Mark::oxygen(), Mark::hard_of_hearing(), pet, Mark::key("鍵：キーボックス")]
}

fn desk() -> String {
    let marks = some_marks();
    let body = html! {
        (some_figures())
        div { (sound_button()) }
        div.columns {
            section #queue aria-label="待ち行列" { (some_queue()) }
            section #case aria-label="案件" {
                (person_head(&somebody(&marks)))
                p.lead { "いつもは7時半ごろまでに冷蔵庫が開きますが、10時42分の時点でまだ開いていません。" }
                (steps("案件の進み", &some_steps()))
                (activity_raster("now", "直近24時間の動きと、いつもの様子", &[home::last_day()]))
                (action_bar(tel_button("本人に電話", "0561-00-0000", true)))
                (some_outcomes())
                section.card { h2 { "連絡先" } (some_contacts()) }
                section.card { h2 { "これまで" } (story(&some_story(), now())) }
            }
        }
    };
    framed("次に対応する方", vec![Banner::FictionalDemo, Banner::Overdue { count: 1, href: "#queue" }], Some(30), body)
}

fn some_queue() -> Table<'static> {
    let row = |seconds, name, reason: &str, step: Markup, who: &str| {
        let (name, kana) = name;
        let person = PersonHead { name, kana, town: "南見本町", href: Some("#case"), ..PersonHead::default() };
        let limit = due(now() + Span::seconds(seconds), now(), Span::minutes(5));
        vec![limit, html! { (person_line(&person)) p { (reason) } }, step, html! { (who) }]
    };
    let first = ("髙橋 サキ子", "タカハシ サキコ");
    let (second, third) = (("山﨑 見本", "ヤマサキ ミホン"), ("架空 太郎", "カクウ タロウ"));
    let (needed, near) = (chip(State::NeededNow, "未受付"), chip(State::NearLimit, "本人に架電"));
    let going = chip(State::InProgress, "訪問依頼");
    Table::new("対応を待つ案件", &["期限", "どなた・理由", "段階", "担当"])
        .alarm_row(row(-75, first, "朝から冷蔵庫が開いていません", needed, "—"))
        .row(row(190, second, "居間が31.5℃です", near, "あなた"))
        .row(row(1500, third, "玄関が深夜2時10分から開いたままです", going, "見本 二郎"))
}

fn some_figures() -> Markup {
    let figure = |label, value: &str, hint, href, state| Figure { label, value: value.to_owned(), hint, href, state };
    let queue = Some("#queue");
    figures(
        "いまの状況",
        &[
            figure("待っている方", "4", "最長 1分15秒", queue, Some(State::NearLimit)),
            figure("60秒以内の受付", "96.8%", "目標 97.5%", None, Some(State::NearLimit)),
            figure("期限を過ぎた案件", "1", "", queue, Some(State::NeededNow)),
            figure("あなたの案件", "2", "", queue, None),
        ],
    )
}

fn some_outcomes() -> Markup {
    let outcome = |value, label, icon, grave| Choice { value, label, hint: "", icon, grave };
    let outcomes = [
        outcome("well", "応答・無事", Icon::Check, false),
        outcome("ill", "応答・体調不良", Icon::Stethoscope, true),
        outcome("absent", "不在", Icon::Cross, false),
        outcome("machine", "留守電", Icon::Note, false),
        outcome("busy", "話中", Icon::Phone, false),
        outcome("wrong", "番号誤り", Icon::Question, false),
    ];
    choice_grid("#", "outcome", "電話の結果", &outcomes, Some("note"), &[("version", "3")])
}

fn some_contacts() -> Markup {
    let daughter = html! {
        "見本 花子 " (tel_button("電話", "090-0000-0000", false)) " " (chip(State::Done, "10:39 不在"))
    };
    let neighbour = html! { "架空 次郎（隣・協力員） " (tel_button("電話", "0561-00-0001", false)) };
    definitions(&[
        ("1 長女", daughter),
        ("2 鍵を預かる方", neighbour),
        ("住所", map_link("架空市南見本町1-2-3 見本荘201", Some((35.2236, 137.0844)))),
        ("注意", html! {}),
    ])
}

fn some_steps() -> Vec<Step<'static>> {
    let step = |label, state, note: &str| Step { label, state, note: note.to_owned() };
    vec![
        step("検知", StepState::Passed, "10:30"),
        step("受付", StepState::Passed, "10:31"),
        step("本人に架電", StepState::Current, "2回目"),
        step("家族に架電", StepState::ToCome, ""),
        step("訪問依頼", StepState::ToCome, ""),
        step("医療相談", StepState::ToCome, ""),
        step("解消", StepState::ToCome, ""),
    ]
}

fn some_story() -> Vec<StoryEntry<'static>> {
    let entry = |minutes, title, who, words: &str, icon, state| {
        let body = if words.is_empty() {
            html! {}
        } else {
            html! { p { (words) } }
        };
        StoryEntry { at: ago(minutes), title, who, body, icon, state }
    };
    vec![
        entry(
            3,
            "長女に電話：不在",
            "コールセンター 見本 一郎",
            "留守番電話に、折り返しをお願いしました。",
            Icon::Phone,
            State::InProgress,
        ),
        entry(8, "本人に電話：応答なし", "コールセンター 見本 一郎", "", Icon::Phone, State::NearLimit),
        entry(11, "受付", "コールセンター 見本 一郎", "", Icon::Check, State::Confirmed),
        entry(
            12,
            "検知：動きがありません",
            "見守り",
            "冷蔵庫と玄関のどちらも14時間動きがありません。",
            Icon::Warning,
            State::NeededNow,
        ),
        entry(60 * 30, "ゲートウェイの受信が戻りました", "見守り", "", Icon::Line, State::Unknown),
    ]
}

fn parts() -> String {
    let marks = some_marks();
    let words = ["未受付", "期限間近", "対応中", "無事（確認）", "無事（推定）", "不明", "解消"];
    let pet = [Mark::pet("猫")];
    let cat =
        PersonHead {
            name: "𠮷田 見本之助", kana: "ヨシダ ミホンノスケ", age: Some(101), marks: &pet, ..somebody(&[])
        };
    let all_tabs = [
        Tab { href: "#a", label: "返事を待たれている", count: Some(2), current: true },
        Tab { href: "#b", label: "きょう訪問する方", count: Some(5), current: false },
        Tab { href: "#c", label: "新しい記事", count: None, current: false },
    ];
    let body = html! {
        section { h2 { "人" } div.stack {
            (person_head(&somebody(&marks)))
            (person_head(&cat))
            div.card { (person_line(&somebody(&marks))) }
        } }
        section { h2 { "状態" } div.buttons { @for (state, word) in State::ALL.iter().zip(words) { (chip(*state, word)) } } }
        section { h2 { "時刻" } div.card {
            p { (since(ago(38), now())) }
            p { (since(ago(60 * 27), now())) }
            p { (due(now() + Span::minutes(12), now(), Span::minutes(5))) " " (due(now() + Span::minutes(2), now(), Span::minutes(5))) " " (due(ago(3), now(), Span::minutes(5))) }
            p { (ja_date(now())) "、" (ja_date_both(Date::of(now()))) }
        } }
        section { h2 { "ボタン" }
            (buttons(html! {
                (Action::post("#", "受け付ける").primary().icon(Icon::Check))
                (Action::post("#", "引き継ぐ").hint("見本 二郎 へ"))
                (link_button("#", "前の画面へ"))
            }))
            (guarded("救急要請を記録する", "髙橋 サキ子さんの救急要請を記録します。ケアチームとご家族に伝わり、取り消せません。",
                html! { (Action::post("#", "119番通報を記録する").danger().icon(Icon::Ambulance).confirm("記録しますか")) }))
        }
        section { h2 { "切り替え" } (tabs("きょうの一覧", &all_tabs)) }
        section { h2 { "お知らせ" } div.stack {
            (notice(State::NeededNow, "お返事がありません", html! { p { "訪問を依頼してください。" } }))
            (notice(State::NearLimit, "まもなく期限です", html! {}))
            (notice(State::InProgress, "見本 二郎さんが対応中です", html! { p { "10時31分から担当しています。" } }))
            (notice(State::Confirmed, "記録しました", html! {}))
            (empty("いま待っている方はいません", "新しいアラートが届くと、音でお知らせします。"))
            (too_many(50, 1284, "町名で絞り込んでください。"))
            (refusal("この案件は見本 二郎さんが担当しています。引き継ぎを受けてから記録してください。", &[("#", "引き継ぎを頼む"), ("#", "一覧へ戻る")]))
        } }
        section { h2 { "事実" } (definitions(&[("主な連絡先", html! { "長女 見本 花子" }), ("鍵", html! { "キーボックス（番号は現着後に表示）" }), ("ペット", html! {})])) }
        (pager(Some("#"), Some("#"), "51〜100件目"))
        section { h2 { "二次元コード" } (qr(21, |row, column| (row * 7 + column * 3 + row * column) % 3 == 0, "認証アプリで読み取ってください", "JBSW Y3DP EHPK 3PXP")) }
    };
    framed("部品の一覧", vec![Banner::FictionalDemo, Banner::WatchLineLost], None, body)
}

fn forms() -> String {
    let sexes = [("male", "男"), ("female", "女"), ("other", "その他"), ("unknown", "不明")];
    let reach =
        [("speech", "言語"), ("hearing", "難聴"), ("sight", "視覚"), ("writing", "筆談"), ("foreign", "外国語")];
    let homes = [("", "選んでください"), ("alone", "独居"), ("day_alone", "日中独居"), ("elderly", "高齢者のみ世帯")];
    let body = html! {
        (error_summary(&[("born", "生年月日：昭和65年という年はありません"), ("tel", "電話番号：数字が足りません")]))
        form method="post" action="#" {
            (Field::text("name", "氏名").value("髙橋 サキ子").required().hint("旧字はそのまま入力できます。姓と名の間に空白を入れてください"))
            (Field::kana("kana", "氏名カナ").value("タカハシ サキコ").required())
            (Field::date("born", "生年月日").value("昭和65年2月30日").required().error(Some("昭和65年という年はありません。元号と年をご確認ください")))
            (radio_field("sex", "性別", &sexes, "female", None))
            (Field::tel("tel", "電話番号").value("0561-00").error(Some("数字が足りません。市外局番から入力してください")))
            (select_field("household", "世帯区分", &homes, "alone", None))
            (check_field("reach", "コミュニケーションの配慮", &reach, &["hearing", "writing"], None))
            (Field::moment("from", "不在のはじまり").value("2026-11-22T14:00").required())
            (Field::number("count", "回数").value("3"))
            (Field::area("note", "入り方・注意", 3).value("玄関は固いので強く引く。\n犬がいます。"))
            (yes_field("told", "本人に説明しました", true))
            (action_bar(submit("登録する")))
        }
        section.card { h2 { "サインイン" } form method="post" action="#" {
            (Field::user_name("user", "利用者ID"))
            (Field::password("password", "パスワード"))
            (Field::code("code", "確認コード").hint("認証アプリに表示された6桁の数字"))
            (submit("サインイン"))
        } }
    };
    framed("利用者の登録", vec![Banner::FictionalDemo], None, body)
}

fn trouble() -> String {
    let detail = "この案件は見本 二郎さんが担当しています。";
    let body = error_page(Trouble::Fault, Some(detail), "01JD-4K7Q", true, ("/desk", "受付の一覧へ"));
    framed(
        Trouble::Fault.title(),
        vec![Banner::Warning("保存場所の空きが少なくなっています。記録は続けられますが、ファイルは送れません。")],
        None,
        body,
    )
}
