//! The address of a repository, parsed as git does (git-fetch(1), "GIT URLS"), and whether two addresses are of one
//! repository, as far as their texts tell.

use crate::error::is_ssh;
use std::path::{Path, PathBuf};

/// The location of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// In this file system.
    Local(PathBuf),
    /// On a host.
    Hosted(Hosted),
    /// An address for a remote helper; only its text is compared.
    Other(String),
}

/// A repository on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hosted {
    transport: String,
    user: Option<String>,
    host: String,
    /// `None` means the default port of the transport.
    port: Option<u16>,
    path: String,
    /// Whether the path begins in the home folder of the user who logs in.
    from_home: bool,
}

/// The relation of two addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressRelation {
    /// They are of one repository.
    Same,
    /// They are of two repositories.
    Different,
    /// They may be of one: an alias of a host, another port, a prefix that one of two servers adds.
    Unclear,
}

impl Address {
    /// Reads an address.
    pub(crate) fn parse(text: &str) -> Self {
        if let Some((scheme, rest)) = text.split_once("://") {
            return Self::of_url(text, &scheme.to_ascii_lowercase(), rest);
        }
        if is_helper(text) {
            return Self::Other(text.to_owned());
        }
        match scp_like(text) {
            Some((authority, path)) => {
                Self::hosted("ssh", authority, path, !path.starts_with('/')).unwrap_or_else(|| Self::Other(text.into()))
            }
            None => Self::Local(PathBuf::from(text)),
        }
    }

    /// The name of the host.
    pub(crate) fn host(&self) -> Option<&str> {
        match self {
            Self::Hosted(hosted) => Some(&hosted.host),
            Self::Local(_) | Self::Other(_) => None,
        }
    }

    fn of_url(text: &str, scheme: &str, rest: &str) -> Self {
        let transport = match scheme {
            "file" => return Self::Local(PathBuf::from(rest)),
            _ if is_ssh(scheme) => "ssh",
            "http" | "https" | "git" | "ftp" | "ftps" => scheme,
            _ => return Self::Other(text.to_owned()),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let from_home = transport == "ssh" && path.starts_with('~');
        Self::hosted(transport, authority, path, from_home).unwrap_or_else(|| Self::Other(text.to_owned()))
    }

    fn hosted(transport: &str, authority: &str, path: &str, from_home: bool) -> Option<Self> {
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (user.split(':').next().map(str::to_owned), host),
            None => (None, authority),
        };
        // An IPv6 address contains colons, and is written in brackets.
        let (host, port) = match host.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (host, ""),
        };
        let port = if port.is_empty() { None } else { Some(port.parse().ok()?) };
        Some(Self::Hosted(Hosted {
            transport: transport.to_owned(),
            user,
            host: host.to_ascii_lowercase(),
            port: port.filter(|port| Some(*port) != default_port(transport)),
            path: plain(path),
            from_home,
        }))
    }

    /// Whether both are of one repository. Paths of this file system are compared as text: the caller resolves links
    /// first.
    pub(crate) fn relation(&self, other: &Self) -> AddressRelation {
        match (self, other) {
            (Self::Hosted(one), Self::Hosted(two)) => one.relation(two),
            (Self::Local(one), Self::Local(two)) => {
                if one == two {
                    AddressRelation::Same
                } else {
                    AddressRelation::Different
                }
            }
            (Self::Local(local), Self::Hosted(hosted)) | (Self::Hosted(hosted), Self::Local(local)) => {
                let near = is_near(&plain(&local.to_string_lossy()), &hosted.path);
                if near { AddressRelation::Unclear } else { AddressRelation::Different }
            }
            (Self::Other(one), Self::Other(two)) if one == two => AddressRelation::Same,
            _ => AddressRelation::Unclear,
        }
    }
}

impl Hosted {
    fn relation(&self, other: &Self) -> AddressRelation {
        if self.path != other.path || self.host != other.host {
            return if is_near(&self.path, &other.path) {
                AddressRelation::Unclear
            } else {
                AddressRelation::Different
            };
        }
        let of_two_homes = self.transport == other.transport
            && (self.from_home || other.from_home)
            && matches!((&self.user, &other.user), (Some(one), Some(two)) if one != two);
        let is_default = self.port.is_none() && other.port.is_none();
        let is_same = is_default || (self.transport == other.transport && self.port == other.port);
        if is_same && !of_two_homes { AddressRelation::Same } else { AddressRelation::Unclear }
    }
}

/// Whether one path may be the other with a prefix that the server adds, or in another spelling.
fn is_near(one: &str, two: &str) -> bool {
    let [one, two] = [one, two].map(str::to_lowercase);
    let (short, long) = if one.len() < two.len() { (&one, &two) } else { (&two, &one) };
    !short.is_empty() && (short == long || long.ends_with(&format!("/{short}")))
}

/// A path without slashes at its ends, `.git` and empty parts: they do not make it another repository.
fn plain(path: &str) -> String {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "~").collect();
    let path = parts.join("/");
    path.strip_suffix(".git").unwrap_or(&path).trim_end_matches('/').to_owned()
}

/// `HELPER::ADDRESS` (gitremote-helpers(7)).
fn is_helper(text: &str) -> bool {
    let name = text.split("::").next().filter(|name| name.len() < text.len());
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

/// The parts of `[USER@]HOST:PATH`, which has no slash before its first colon. A text in brackets is one part.
fn scp_like(text: &str) -> Option<(&str, &str)> {
    if let Some((inside, path)) = text.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        // `[HOST:PORT]:PATH`, unless it is an IPv6 address.
        let is_ipv6 = inside.matches(':').count() > 1;
        return Some((if is_ipv6 { &text[..inside.len() + 2] } else { inside }, path));
    }
    let from = text.find('[').and_then(|at| text[at..].find(']').map(|end| at + end)).unwrap_or(0);
    let (authority, path) = text.split_at(from + text[from..].find(':')?);
    (!authority.contains('/') && !authority.is_empty()).then(|| (authority, &path[1..]))
}

fn default_port(transport: &str) -> Option<u16> {
    match transport {
        "ssh" => Some(22),
        "http" => Some(80),
        "https" => Some(443),
        "git" => Some(9418),
        _ => None,
    }
}

/// An address without its secrets that git can still use. An ssh user is kept, since without it ssh would log in as
/// another user; the user of an HTTP address is removed, since it may be a token, and git asks for one.
pub(crate) fn masked(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let Some((user, host)) = authority.rsplit_once('@') else { return url.to_owned() };
    let user = if is_ssh(scheme) { format!("{}@", user.split(':').next().unwrap_or_default()) } else { String::new() };
    format!("{scheme}://{user}{host}{path}")
}

/// The git directory that a path of this file system leads to, as git finds it, with links resolved; the path itself
/// where nothing exists.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".git");
    let places = [path.join(".git"), path.to_owned(), PathBuf::from(beside)];
    let found = places.iter().find_map(|place| place.canonicalize().ok());
    found.unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::AddressRelation::{Different, Same, Unclear};
    use super::*;

    #[test]
    fn pairs_of_addresses() {
        for (one, two, relation) in [
            ("https://host/a/b.git", "https://host/a/b.git", Same),
            ("https://host/a/b.git", "https://host/a/b", Same),
            ("https://host/a/b/", "https://host/a//b.git/", Same),
            ("https://HOST/a/b", "https://host:443/a/b", Same),
            ("https://host/a/b.git", "http://host/a/b.git", Same),
            ("https://host/a/b.git", "ssh://git@host/a/b", Same),
            ("https://host/a/b.git", "ssh://git@host:22/a/b", Same),
            ("https://host/a/b.git", "git@host:a/b", Same),
            ("https://ann:secret@host/a/b.git", "git@host:a/b.git", Same),
            ("git://host/a/b", "git@host:a/b.git", Same),
            ("ssh://git@host/a/b", "git@host:a/b", Same),
            ("ssh://git@host/a/b", "git@host:/a/b", Same),
            ("git+ssh://git@host/a/b", "ssh://git@host/a/b", Same),
            ("ssh://git@host:2222/a/b", "[git@host:2222]:a/b", Same),
            ("ssh://git@[::1]:22/a/b", "git@[::1]:a/b", Same),
            ("ssh://host/~/a", "host:a", Same),
            ("https://host/a/b", "git@work:a/b", Unclear),
            ("git@github.com:a/b", "git@github.com-work:a/b", Unclear),
            ("https://github.com/a/b", "ssh://git@ssh.github.com:443/a/b", Unclear),
            ("https://host/a/b", "ssh://git@host:2222/a/b", Unclear),
            ("https://host:8443/a/b", "https://host/a/b", Unclear),
            ("https://host/a/b", "ssh://host/srv/git/a/b", Unclear),
            ("https://host/scm/PROJ/repo.git", "ssh://git@host:7999/proj/repo.git", Unclear),
            ("https://host/Ann/Repo", "https://host/ann/repo", Unclear),
            ("ann@host:repo.git", "bob@host:repo.git", Unclear),
            ("/srv/git/a/b.git", "ssh://host/srv/git/a/b.git", Unclear),
            ("/srv/git/a/b.git", "https://host/a/b", Unclear),
            ("ext::ssh host %S a", "https://host/a", Unclear),
            ("ext::ssh host %S a", "ext::ssh host %S a", Same),
            ("https://host/hub/b.git", "https://host/me/b.git", Different),
            ("https://host/hub/b.git", "git@host:me/b.git", Different),
            ("https://host/a/b", "https://host/a/bb", Different),
            ("https://host/a/b", "https://host/a/xa/b2", Different),
            ("https://host/ab", "https://host/b", Different),
            ("https://host/hub/b", "https://other/me/b", Different),
            ("/srv/hub.git", "/srv/fork.git", Different),
            ("/srv/hub.git", "file:///srv/hub.git", Same),
            ("../hub.git", "ssh://host/me/fork", Different),
            ("https://host/", "https://other/", Different),
        ] {
            for (one, two) in [(one, two), (two, one)] {
                assert_eq!(Address::parse(one).relation(&Address::parse(two)), relation, "{one} {two}");
            }
        }
    }

    #[test]
    fn a_path_is_no_host() {
        for path in ["/a:b/c", "./a:b", "../x.git", "x", "a/b:c"] {
            assert_eq!(Address::parse(path), Address::Local(path.into()), "{path}");
        }
    }

    #[test]
    fn an_address_without_its_secrets_is_still_one() {
        for (address, shown) in [
            ("https://ann:secret@host/a", "https://host/a"),
            ("https://token@host", "https://host"),
            ("http://a@b:c@host:80/a@b", "http://host:80/a@b"),
            ("ssh://git@host/a", "ssh://git@host/a"),
            ("ssh://git:secret@host:22/a", "ssh://git@host:22/a"),
            ("ssh://host/a", "ssh://host/a"),
            ("git@host:a", "git@host:a"),
            ("/srv/a@b", "/srv/a@b"),
        ] {
            assert_eq!(masked(address), shown);
            assert_eq!(masked(shown), shown);
        }
    }

    #[test]
    fn every_way_to_a_folder_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(at.join("hub.git")).unwrap();
        std::fs::create_dir_all(at.join("work/.git")).unwrap();
        std::os::unix::fs::symlink(at.join("hub.git"), at.join("link")).unwrap();
        for way in ["hub.git", "hub", "link", "work/../hub.git"] {
            assert_eq!(resolved(&at.join(way)), at.join("hub.git"), "{way}");
        }
        assert_eq!(resolved(&at.join("work")), at.join("work/.git"));
        assert_eq!(resolved(&at.join("none")), at.join("none"));
    }
}
