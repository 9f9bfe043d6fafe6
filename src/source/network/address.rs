//! The address of a camera, and whether it lies in the local network.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// An address, in its parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// By RTSP, else by HTTP.
    pub(super) rtsp: bool,
    /// `NAME:PASSWORD`, as it is written.
    pub(super) user: Option<String>,
    pub(super) host: String,
    port: u16,
    /// What is asked for there, from the slash on.
    pub(super) path: String,
}

impl Address {
    /// Takes an address apart.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        let (rtsp, rest) = match (url.strip_prefix("rtsp://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err("its address begins with neither rtsp:// nor http://".into()),
        };
        if url.chars().any(|c| c.is_control() || c == ' ') {
            return Err("its address holds a blank".into());
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, authority),
        };
        let (host, port) = match place.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => place.split_once(':').map_or((place, None), |(h, p)| (h, Some(p))),
        };
        let usual = if rtsp { 554 } else { 80 };
        let port = port.map_or(Ok(usual), str::parse);
        let port = port.map_err(|_| "its port is no number".to_owned())?;
        if host.is_empty() {
            return Err("its address names no host".into());
        }
        let path = match path {
            path if path.starts_with('/') => path.into(),
            path => format!("/{path}"),
        };
        Ok(Self { rtsp, user, host: host.into(), port, path })
    }

    /// Where it is, if that is in the local network.
    pub(super) fn resolve(&self) -> Result<SocketAddr, String> {
        let found = (self.host.as_str(), self.port).to_socket_addrs();
        let found: Vec<SocketAddr> =
            found.map_err(|error| format!("{} is not known: {error}", self.host))?.collect();
        match found.iter().find(|address| is_local(address.ip())) {
            Some(address) => Ok(*address),
            None => {
                let found = found.first().map_or_else(String::new, |a| format!(" ({})", a.ip()));
                Err(format!(
                    "{}{found} is not in the local network, and no other is opened",
                    self.host
                ))
            }
        }
    }

    /// The same with the number of the host, so that nobody resolves it again.
    pub(super) fn at(&self, server: SocketAddr) -> String {
        let scheme = if self.rtsp { "rtsp" } else { "http" };
        let user = self.user.as_ref().map_or_else(String::new, |user| format!("{user}@"));
        format!("{scheme}://{user}{server}{}", self.path)
    }

    /// The host as a request names it.
    pub(super) fn named(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{host}:{}", self.port)
    }
}

/// Whether a number is one of this machine or of a local network.
fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_local(IpAddr::V4(ip)),
            None => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let parsed = Address::parse("rtsp://ann:p@ss@192.168.1.7/live?ch=1").unwrap();
        assert_eq!((parsed.host.as_str(), parsed.port), ("192.168.1.7", 554));
        assert_eq!(
            (parsed.user.as_deref(), parsed.path.as_str()),
            (Some("ann:p@ss"), "/live?ch=1")
        );
        let server = parsed.resolve().unwrap();
        assert_eq!(parsed.at(server), "rtsp://ann:p@ss@192.168.1.7:554/live?ch=1");
        let parsed = Address::parse("http://[::1]:8080").unwrap();
        assert_eq!((parsed.named().as_str(), parsed.path.as_str()), ("[::1]:8080", "/"));
        for wrong in ["ftp://a", "http://", "http://a:b/", "http://a b/", "http://a/\r\nX: y"] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_the_local_network_is_opened() {
        let resolve = |url: &str| Address::parse(url).unwrap().resolve();
        for local in ["127.0.0.1", "10.1.2.3", "172.16.0.9", "192.168.178.20", "169.254.3.4"] {
            assert!(resolve(&format!("http://{local}/")).is_ok(), "{local}");
        }
        for local in ["[::1]", "[fe80::1]", "[fd00::7]", "[::ffff:192.168.0.2]"] {
            assert!(resolve(&format!("rtsp://{local}/")).is_ok(), "{local}");
        }
        for outside in ["8.8.8.8", "172.32.0.1", "[2001:4860::8888]", "[::ffff:8.8.8.8]"] {
            let why = resolve(&format!("http://{outside}/")).unwrap_err();
            assert!(why.contains("not in the local network"), "{why}");
        }
    }
}
