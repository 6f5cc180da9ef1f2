//! What the tests need from the machine: Debian's packages and the npm packages of the browser tests.
//! As root it installs what is missing; otherwise it says in one list what to install.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::place::Place;
use crate::run;

/// playwright-core asks for this one; Debian 12's own node is older.
const NODE_MAJOR: u32 = 20;
const INSTALL_LIMIT: Duration = Duration::from_secs(30 * 60);
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// One thing that must be on the machine.
struct Need {
    what: &'static str,
    package: &'static str,
    present: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need { what: "PostgreSQL server", package: "postgresql", present: || postgres_bin().is_some() },
    Need { what: "mosquitto", package: "mosquitto", present: || on_path("mosquitto").is_some() },
    Need { what: "mosquitto_pub", package: "mosquitto-clients", present: || on_path("mosquitto_pub").is_some() },
    Need { what: "nginx", package: "nginx", present: || on_path("nginx").is_some() },
    Need { what: "Apache", package: "apache2", present: || on_path("apache2").is_some() },
    Need { what: "HAProxy", package: "haproxy", present: || on_path("haproxy").is_some() },
    Need { what: "chromium", package: "chromium", present: || on_path("chromium").is_some() },
    Need { what: "Japanese fonts", package: "fonts-noto-cjk", present: japanese_fonts },
    Need { what: "node", package: "nodejs", present: || on_path("node").is_some() },
    Need { what: "npm", package: "npm", present: || on_path("npm").is_some() },
    Need { what: "setpriv", package: "util-linux", present: || on_path("setpriv").is_some() },
    Need { what: "git", package: "git", present: || on_path("git").is_some() },
];

/// What is still missing, each with how to get it. Empty: everything is there.
pub fn missing(place: &Place) -> Vec<String> {
    let mut list: Vec<String> = NEEDS
        .iter()
        .filter(|need| !(need.present)())
        .map(|need| format!("{}: apt-get install {}", need.what, need.package))
        .collect();
    if let Some(major) = node_major().filter(|major| *major < NODE_MAJOR) {
        list.push(format!("node {NODE_MAJOR} or newer (found {major})"));
    }
    if !browser_packages_present(place) {
        list.push("npm packages of the browser tests: npm ci --prefix tests/browser".to_owned());
    }
    list
}

/// Installs what is missing, as root only. The caller asks `missing` again afterwards.
pub fn install(place: &Place) -> Result<()> {
    let packages: Vec<&str> = NEEDS.iter().filter(|need| !(need.present)()).map(|need| need.package).collect();
    if !packages.is_empty() {
        install_from_debian(&packages)?;
    }
    if !browser_packages_present(place) && on_path("npm").is_some() {
        install_browser_packages(place)?;
    }
    Ok(())
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|data| data.uid() == 0)
}

/// A program on PATH, or where Debian puts servers (which an ordinary user's PATH leaves out).
pub fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&wide_path())
        .map(|folder| folder.join(program))
        .find(|file| fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0))
}

/// PATH and the folders of servers.
pub fn wide_path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    // Fails only for a folder with a colon in its name, which PATH cannot have held.
    std::env::join_paths(folders).unwrap_or(path)
}

/// The folder of the newest PostgreSQL server's programs.
pub fn postgres_bin() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| ["initdb", "postgres", "pg_isready"].iter().all(|program| bin.join(program).exists()))
        .max_by_key(|(version, _)| *version)
        .map(|(_, bin)| bin)
}

/// Why the browser tests cannot run here, if so.
pub fn browser_obstacle(place: &Place) -> Option<String> {
    let obstacle = if on_path("node").is_none() || node_major().is_some_and(|major| major < NODE_MAJOR) {
        format!("node {NODE_MAJOR} or newer is missing")
    } else if on_path("chromium").is_none() {
        "chromium is missing".to_owned()
    } else if !browser_packages_present(place) {
        "npm packages of tests/browser are missing".to_owned()
    } else if !japanese_fonts() {
        "Japanese fonts are missing".to_owned()
    } else {
        return None;
    };
    Some(obstacle)
}

fn node_major() -> Option<u32> {
    let output = Command::new(on_path("node")?).arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn japanese_fonts() -> bool {
    let folders = ["/usr/share/fonts/opentype/noto", "/usr/share/fonts/truetype/noto", "/usr/share/fonts/noto-cjk"];
    folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flat_map(|files| files.flatten()).any(|file| {
        let name = file.file_name();
        let name = name.to_string_lossy();
        name.starts_with("NotoSansCJK") || name.starts_with("NotoSansJP")
    })
}

/// npm leaves a copy of the lock beside the packages; it is compared with the one that is committed.
fn browser_packages_present(place: &Place) -> bool {
    let folder = place.root.join("tests/browser");
    let wanted = locked_versions(&folder.join("package-lock.json"));
    wanted.is_some() && wanted == locked_versions(&folder.join("node_modules/.package-lock.json"))
}

fn locked_versions(lock: &Path) -> Option<Vec<(String, String)>> {
    let lock: serde_json::Value = serde_json::from_slice(&fs::read(lock).ok()?).ok()?;
    let packages = lock["packages"].as_object()?;
    Some(
        packages
            .iter()
            .filter(|(name, _)| !name.is_empty())
            .map(|(name, package)| (name.clone(), package["integrity"].as_str().unwrap_or("").to_owned()))
            .collect(),
    )
}

fn install_from_debian(packages: &[&str]) -> Result<()> {
    println!("installing from Debian: {}", packages.join(" "));
    // Debian starts a server as soon as it is installed; ours are started by the tests, on their own ports.
    let ours = !Path::new(POLICY).exists();
    if ours {
        fs::write(POLICY, "#!/bin/sh\nexit 101\n")?;
        fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
    }
    let done = apt_get(&["update", "-q"]).and_then(|()| {
        let mut arguments = vec!["install", "-q", "-y", "--no-install-recommends"];
        arguments.extend(packages);
        apt_get(&arguments)
    });
    if ours {
        fs::remove_file(POLICY)?;
    }
    done
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    let outcome = run::run(&mut command, INSTALL_LIMIT)?;
    ensure!(outcome.ok, "apt-get {} failed", arguments.join(" "));
    Ok(())
}

fn install_browser_packages(place: &Place) -> Result<()> {
    let mut command = Command::new("npm");
    command.args(["ci", "--prefer-offline", "--no-audit", "--no-fund"]).current_dir(place.root.join("tests/browser"));
    // The browser is Debian's; none is ever fetched.
    command.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    let outcome = run::run(&mut command, INSTALL_LIMIT)?;
    ensure!(outcome.ok, "npm ci failed");
    Ok(())
}

/// A test that cannot run here says so, and is then counted as skipped and not as passed.
#[cfg(test)]
pub fn skip(test: &str, reason: &str) {
    use std::io::Write;
    let Some(list) = std::env::var_os("TSUNAGARI_SKIPPED") else { return };
    let mut list = fs::OpenOptions::new().create(true).append(true).open(list).unwrap();
    writeln!(list, "{test}: {reason}").unwrap();
}
