//! The start page of the demonstration: one becomes anybody of the invented town with one click. Its doors exist in a
//! demonstration only, and behind them `signin` refuses every database that is not marked fictional.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use base::{AccountId, Ctx, OfficeId, PersonId, Role};
use db::Tx;
use maud::{Markup, html};
use page::components::{Action, Icon, State as Tone, link_button, notice};
use page::door::{Door, Who};
use page::frame::Frame;
use page::named::Named;
use page::problem::Problem;
use page::site::{Site, draw};
use signin::Account;

use super::enter::{entered_response, terminal};
use super::letters::{self, MAIL};
use crate::link::remember;
use page::stranger::nobody;

pub fn doors() -> Vec<Door> {
    vec![
        Door::plain("/demo", Who::Anyone, start_page),
        Door::plain(MAIL, Who::Anyone, letters::page),
        Door::command("/demo/enter/{account}", Who::Anyone, enter),
    ]
}

/// People shown of one role.
const SHOWN: usize = 4;

/// The roles in the order of the story, with what each is there to do.
const ROLES: &[(Role, &str)] = &[
    (Role::Operator, "アラートを受け、本人・家族に電話し、訪問を手配します。"),
    (Role::CareManager, "訪問依頼を受けて向かい、報告し、医師に相談し、案件を閉じます。"),
    (Role::Doctor, "連絡帳の相談に答えます。"),
    (Role::Nurse, "担当の方の連絡帳と見守りを確かめ、訪問します。"),
    (Role::Family, "ご家族のアラートとその結果を見て、不在予定を登録します。"),
    (Role::Resident, "自分の見守りの様子、同意、だれが情報を見たかを確かめます。"),
    (Role::CityOfficer, "期限を過ぎた案件、通信断、見守りの設定を確かめます。"),
    (Role::SupportCentre, "期限を過ぎた案件の知らせを受け、訪問します。"),
    (Role::Administrator, "対象者・事業所・機器・利用者を登録します。"),
    (Role::Auditor, "だれが、いつ、何のために情報を見たかを点検します。"),
    (Role::Pharmacist, "担当の方の連絡帳を読み、服薬について書きます。"),
    (Role::CareWorker, "担当の方の連絡帳を読み、訪問の様子を書きます。"),
    (Role::Commissioner, "頼まれた訪問を行い、様子を報告します。"),
];

/// One person to become.
struct Somebody {
    account: Account,
    office: String,
    label: String,
}

struct Town {
    featured: Vec<Somebody>,
    by_role: Vec<(Role, &'static str, Vec<Somebody>)>,
}

async fn start_page(State(site): State<Site>, headers: HeaderMap, frame: Frame) -> Result<Markup, Problem> {
    let ctx = nobody(&site);
    let town = site.db().read(move |tx| read_town(&ctx, tx)).await?;
    Ok(frame.page("どなたとして見ますか").body(html! {
        p.lead { "架空の町です。人を選ぶと、その人の画面に入ります。右上の「人を切り替える」で、いつでもここに戻れます。" }
        @if remember::remembered(&site, &headers).is_some() {
            (notice(Tone::InProgress, "お知らせを開きます", html! { p { "お知らせが届いた方を選ぶと、その画面に進みます。" } }))
        }
        (story())
        @if !town.featured.is_empty() {
            section.stack {
                h2 { "この物語の登場人物" }
                div.card.stack { (people(&town.featured)) }
            }
        }
        section.stack {
            h2 { "役割から選ぶ" }
            @for (role, what, somebodies) in &town.by_role {
                div.card.stack {
                    h3 { (role.ja()) }
                    p.soft { (what) }
                    (people(somebodies))
                }
            }
            @if town.by_role.is_empty() {
                (notice(Tone::Unknown, "まだどなたも登録されていません", html! {
                    p { "町を作り終えると、ここに人が並びます。" }
                }))
            }
        }
        section.stack {
            h2 { "外へ送られるはずのメール・SMS" }
            p { "デモでは、メールやSMSは外へ送られず、ここで読めます。" }
            (link_button(MAIL, "送られたメール・SMSを見る"))
        }
    }))
}

fn story() -> Markup {
    html! {
        section.stack {
            h2 { "最初の2分で起きること" }
            ol.story-cases {
                li { strong { "いつもの時刻に動きがない。" } " ひとり暮らしの方の家で、朝の動きが途絶えます。コールセンターが受け付けて電話し、出なければご家族へ、次に訪問へ進みます。" }
                li { strong { "ゲートウェイが通信しなくなる。" } " 機器の故障であって、ご本人の異変とは数えません。通信断の一覧に載ります。" }
                li { strong { "部屋が暑くなりすぎる。" } " 室温から推定した暑さ指数が上がり、声かけのアラートになります。" }
            }
            p { "試すとよい順番：" strong { "コールセンター" } "で受け付けて架電 → " strong { "ケアマネジャー" } "で訪問と報告、医師への相談 → "
                strong { "医師" } "で回答 → " strong { "ケアマネジャー" } "で解消 → " strong { "家族" } "と" strong { "監査" } "で、どう見えるかを確かめます。" }
        }
    }
}

fn people(somebodies: &[Somebody]) -> Markup {
    html! {
        div.buttons {
            @for somebody in somebodies {
                @let url = format!("/demo/enter/{}", somebody.account.id);
                @let hint = hint(somebody);
                (Action::post(&url, somebody.account.display_name.expose()).icon(Icon::Person).hint(&hint))
            }
        }
    }
}

/// Beside a role's own list the office says enough; in the story the role comes first.
fn hint(somebody: &Somebody) -> String {
    match (somebody.label.as_str(), somebody.office.as_str()) {
        ("", "") => somebody.account.role.ja().to_owned(),
        ("", office) => office.to_owned(),
        (label, _) => format!("{}：{label}", somebody.account.role.ja()),
    }
}

fn read_town(ctx: &Ctx, tx: &mut dyn Tx) -> Result<Town, Problem> {
    let featured = signin::featured_accounts(tx)?;
    let mut accounts = Vec::new();
    for (role, what) in ROLES {
        accounts.push((*role, *what, signin::fictional_accounts(tx, *role, SHOWN)?));
    }
    let everybody: Vec<&Account> =
        featured.iter().map(|(account, _)| account).chain(accounts.iter().flat_map(|(.., some)| some)).collect();
    let whereabouts = Whereabouts::of(ctx, tx, &everybody)?;
    let featured = featured
        .into_iter()
        .map(|(account, label)| Somebody { office: whereabouts.office(&account), account, label })
        .collect();
    let shown = |account: Account| Somebody { office: whereabouts.words(&account), account, label: String::new() };
    let by_role = accounts.into_iter().filter(|(.., some)| !some.is_empty());
    let by_role = by_role.map(|(role, what, some)| (role, what, some.into_iter().map(shown).collect())).collect();
    Ok(Town { featured, by_role })
}

/// Where everybody on the page belongs, read at once.
struct Whereabouts {
    offices: BTreeMap<OfficeId, people::OfficeHead>,
    residents: people::Heads,
}

impl Whereabouts {
    fn of(ctx: &Ctx, tx: &mut dyn Tx, accounts: &[&Account]) -> Result<Whereabouts, Problem> {
        let offices: Vec<OfficeId> = accounts.iter().filter_map(|account| account.office).collect();
        let persons: Vec<PersonId> = accounts.iter().filter_map(|account| account.person).collect();
        let residents = people::heads(ctx, tx, &persons)?.into_value();
        Ok(Whereabouts { offices: people::office_heads(tx, &offices)?, residents })
    }

    fn office(&self, account: &Account) -> String {
        let office = account.office.and_then(|id| self.offices.get(&id));
        office.map_or(String::new(), |office| office.name.clone())
    }

    /// The office; of a relative, whose relative they are.
    fn words(&self, account: &Account) -> String {
        match account.person.and_then(|person| self.residents.get(person)) {
            Some(resident) => format!("{} さんのご家族", resident.name.expose()),
            None => self.office(account),
        }
    }
}

/// Ends the session of whoever one was, and begins one as somebody else.
async fn enter(
    State(site): State<Site>,
    frame: Frame,
    headers: HeaderMap,
    Named(account): Named<AccountId>,
) -> Result<Response, Problem> {
    let (ctx, secrets, device) = (nobody(&site), draw()?, terminal(&headers));
    let former = frame.visitor.map(|v| (v.ctx(&site), v.session.id));
    let entered = site.db().write(move |tx| {
        if let Some((ctx, session)) = &former {
            signin::sign_out(&ctx.clone(), tx, *session)?;
        }
        signin::enter_as(&ctx.clone(), tx, account, &device, &secrets)
    });
    entered_response(&site, &headers, &entered.await?).await
}
