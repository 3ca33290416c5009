// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may do what.

use std::fmt;

/// What a client may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    /// Makes sessions and sees its own.
    FrontEnd,
    /// Sees and may do everything.
    Operator,
    /// Reads the state of the node.
    Metrics,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 3] = [Role::FrontEnd, Role::Operator, Role::Metrics];

    /// As the configuration names it.
    pub const fn name(self) -> &'static str {
        match self {
            Role::FrontEnd => "front_end",
            Role::Operator => "operator",
            Role::Metrics => "metrics",
        }
    }
}

/// A set of roles.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles(u8);

impl Roles {
    /// No role.
    pub const NONE: Roles = Roles(0);

    /// Whether a role is in the set.
    pub fn contains(self, role: Role) -> bool {
        self.0 & (1 << role as u8) != 0
    }

    /// Whether no role is.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in either set.
    #[must_use]
    pub fn union(self, other: Roles) -> Roles {
        Roles(self.0 | other.0)
    }

    /// Each role in the set.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| self.contains(*role))
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Roles {
        Roles(roles.into_iter().fold(0, |set, role| set | 1 << role as u8))
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Role::name)).finish()
    }
}

/// Whose sessions a call may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Those that the caller made.
    Own,
    /// All.
    All,
}

/// Methods that everyone with a role may call: they tell nothing of sessions.
const OPEN: [&str; 3] = [
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];

const RELAY: &str = "/culvert.v1.Relay/";
const MRAS: &str = "/culvert.v1.MediaRelayAuth/";

/// What a method asks for.
#[derive(Clone, Copy)]
enum Need {
    Sessions,
    Node,
    Operator,
}

/// Whether a client with these roles may call a method, and for whose sessions. `method` is the path of the request, such
/// as `/culvert.v1.Relay/GetNode`. `None`: it may not. Methods that there are not are the operator's to try.
pub fn authorize(roles: Roles, method: &str) -> Option<Access> {
    if roles.contains(Role::Operator) {
        return Some(Access::All);
    }
    if OPEN.iter().any(|service| method.starts_with(service)) {
        return (!roles.is_empty()).then_some(Access::Own);
    }
    match need(method) {
        Need::Sessions => roles.contains(Role::FrontEnd).then_some(Access::Own),
        Need::Node => roles.contains(Role::Metrics).then_some(Access::Own),
        Need::Operator => None,
    }
}

fn need(method: &str) -> Need {
    match (method.strip_prefix(RELAY), method.strip_prefix(MRAS)) {
        (
            Some(
                "CreateSession" | "UpdateSession" | "GetSession" | "ListSessions" | "DeleteSession"
                | "WatchEvents" | "GetProtection" | "ExplainSession" | "TopSessions",
            ),
            _,
        ) => Need::Sessions,
        (Some("GetNode"), _) => Need::Node,
        (_, Some("IssueCredentials" | "IssueSessionKeys" | "Revoke")) => Need::Sessions,
        _ => Need::Operator,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_call_what() {
        let [front_end, operator, metrics] = Role::ALL.map(|role| Roles::from_iter([role]));
        let (own, all) = (Some(Access::Own), Some(Access::All));
        for (method, expected) in [
            ("/culvert.v1.Relay/CreateSession", [own, all, None]),
            ("/culvert.v1.Relay/UpdateSession", [own, all, None]),
            ("/culvert.v1.Relay/GetSession", [own, all, None]),
            ("/culvert.v1.Relay/ListSessions", [own, all, None]),
            ("/culvert.v1.Relay/DeleteSession", [own, all, None]),
            ("/culvert.v1.Relay/WatchEvents", [own, all, None]),
            ("/culvert.v1.Relay/GetProtection", [own, all, None]),
            ("/culvert.v1.Relay/ExplainSession", [own, all, None]),
            ("/culvert.v1.Relay/TopSessions", [own, all, None]),
            ("/culvert.v1.MediaRelayAuth/IssueCredentials", [own, all, None]),
            ("/culvert.v1.MediaRelayAuth/IssueSessionKeys", [own, all, None]),
            ("/culvert.v1.MediaRelayAuth/Revoke", [own, all, None]),
            ("/culvert.v1.MediaRelayAuth/Reinstate", [None, all, None]),
            ("/culvert.v1.MediaRelayAuth/ListRevocations", [None, all, None]),
            ("/culvert.v1.MediaRelayAuth/RotateSigningKey", [None, all, None]),
            ("/culvert.v1.MediaRelayAuth/GetNode", [None, all, None]),
            ("/culvert.v1.Relay/GetNode", [None, all, own]),
            ("/culvert.v1.Relay/Drain", [None, all, None]),
            ("/culvert.v1.Relay/NoSuchMethod", [None, all, None]),
            ("/culvert.v1.Relay/GetSessionX", [None, all, None]),
            ("/culvert.v2.Relay/GetSession", [None, all, None]),
            ("GetSession", [None, all, None]),
            ("", [None, all, None]),
            ("/grpc.health.v1.Health/Check", [own, all, own]),
            ("/grpc.health.v1.Health/Watch", [own, all, own]),
            ("/grpc.health.v1.HealthX/Check", [None, all, None]),
            ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", [own, all, own]),
            ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", [own, all, own]),
        ] {
            assert_eq!(
                [front_end, operator, metrics].map(|roles| authorize(roles, method)),
                expected,
                "{method}"
            );
            assert_eq!(authorize(Roles::NONE, method), None, "{method}");
        }
    }

    #[test]
    fn roles_add_up() {
        let both = Roles::from_iter([Role::FrontEnd, Role::Metrics]);
        assert_eq!(authorize(both, "/culvert.v1.Relay/GetNode"), Some(Access::Own));
        assert_eq!(authorize(both, "/culvert.v1.Relay/GetSession"), Some(Access::Own));
        assert_eq!(authorize(both, "/culvert.v1.Relay/Drain"), None);
        assert_eq!(both.iter().collect::<Vec<_>>(), [Role::FrontEnd, Role::Metrics]);
        assert_eq!(both.union(Roles::from_iter([Role::Operator])).iter().count(), 3);
        assert_eq!(format!("{both:?}"), r#"{"front_end", "metrics"}"#);
    }
}
