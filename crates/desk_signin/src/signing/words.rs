//! What a guesser of this region tries first, gathered from the register for the rules of passwords.

use base::OfficeId;
use people::OfficeKind;
use signin::{LoginName, OwnWords};

use page::problem::Problem;
use page::site::Site;

/// The region, its cities, the owner's office, login and name.
pub async fn own_words(
    site: &Site,
    login: &LoginName,
    owner: &str,
    office: Option<OfficeId>,
) -> Result<OwnWords, Problem> {
    let names = site.db().read(move |tx| {
        let mut names: Vec<String> =
            people::offices(tx, Some(OfficeKind::CityElderly))?.into_iter().map(|o| o.name).collect();
        if let Some(office) = office {
            names.push(people::office(tx, office)?.name);
        }
        Ok::<_, Problem>(names)
    });
    let names = names.await?;
    let own = [site.region(), login.as_str(), owner];
    Ok(OwnWords::of(own.into_iter().chain(names.iter().map(String::as_str))))
}
