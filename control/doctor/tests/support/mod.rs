// SPDX-License-Identifier: MIT OR Apache-2.0
//! A host that is made up.

use std::collections::BTreeMap;

use culvert_doctor::{Channels, Check, Feature, Host, Link, Unseen, XdpFeatures};

/// What a host has besides its files. What is not set is not supported.
#[derive(Clone)]
pub(crate) struct Fixture {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) links: Vec<Link>,
    pub(crate) drivers: BTreeMap<&'static str, &'static str>,
    pub(crate) xdp_features: Result<XdpFeatures, Unseen>,
    pub(crate) channels: Result<Channels, Unseen>,
    pub(crate) features: Result<BTreeMap<String, Feature>, Unseen>,
    pub(crate) indirection: Result<Vec<u32>, Unseen>,
    pub(crate) programs: BTreeMap<&'static str, Result<String, Unseen>>,
    pub(crate) af_xdp: Result<(), Unseen>,
    pub(crate) srtp: Vec<&'static str>,
}

impl Fixture {
    pub(crate) fn new() -> Fixture {
        Fixture {
            files: BTreeMap::new(),
            links: Vec::new(),
            drivers: BTreeMap::new(),
            xdp_features: Err(Unseen::Unsupported),
            channels: Err(Unseen::Unsupported),
            features: Err(Unseen::Unsupported),
            indirection: Err(Unseen::Unsupported),
            programs: BTreeMap::new(),
            af_xdp: Ok(()),
            srtp: vec!["avx2", "aes-ni", "portable"],
        }
    }

    pub(crate) fn files(mut self, files: &[(&str, &str)]) -> Fixture {
        self.files.extend(files.iter().map(|(path, text)| ((*path).to_owned(), format!("{text}\n"))));
        self
    }

    pub(crate) fn link(mut self, link: Link) -> Fixture {
        self.links.push(link);
        self
    }

    /// What is on; `true`: and cannot be changed.
    pub(crate) fn offloads(mut self, on: &[(&str, bool)]) -> Fixture {
        let feature =
            |(name, fixed): &(&str, bool)| ((*name).to_owned(), Feature { active: true, fixed: *fixed });
        self.features = Ok(on.iter().map(feature).collect());
        self
    }
}

/// A device of its own, up, with room in frames of 2,048 bytes.
pub(crate) fn card(name: &str, device: &str) -> Link {
    Link {
        index: 2,
        name: name.to_owned(),
        hardware_type: 1,
        up: true,
        carrier: true,
        mtu: 1500,
        receive_queues: 64,
        kind: None,
        parent: None,
        device: Some(device.to_owned()),
    }
}

impl Host for Fixture {
    fn text(&self, path: &str) -> Option<String> {
        self.files.get(path).cloned()
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let below = self.files.keys().filter_map(|path| path.strip_prefix(directory)?.strip_prefix('/'));
        below.filter_map(|rest| Some(rest.split('/').next()?.to_owned())).collect()
    }

    fn target(&self, link: &str) -> Option<String> {
        self.drivers.get(link).map(|driver| (*driver).to_owned())
    }

    fn links(&self) -> Result<Vec<Link>, Unseen> {
        Ok(self.links.clone())
    }

    fn xdp_features(&self, _: &Link) -> Result<XdpFeatures, Unseen> {
        self.xdp_features.clone()
    }

    fn channels(&self, _: &str) -> Result<Channels, Unseen> {
        self.channels.clone()
    }

    fn features(&self, _: &str) -> Result<BTreeMap<String, Feature>, Unseen> {
        self.features.clone()
    }

    fn indirection(&self, _: &str) -> Result<Vec<u32>, Unseen> {
        self.indirection.clone()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<String, Unseen> {
        let command = [&[program], arguments].concat().join(" ");
        self.programs.get(command.as_str()).cloned().unwrap_or(Err(Unseen::Unsupported))
    }

    fn af_xdp(&self) -> Result<(), Unseen> {
        self.af_xdp.clone()
    }

    fn srtp_paths(&self) -> Vec<&'static str> {
        self.srtp.clone()
    }
}

/// All that is said, but for the reasons, which are the same on each host.
pub(crate) fn report(checks: &[Check]) -> String {
    let mut report = String::new();
    for check in checks {
        let interface = check.interface.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        report += &format!("{} {}{interface}: {}\n", check.verdict.name(), check.name, check.found);
        check.mend.iter().for_each(|command| report += &format!("  # {command}\n"));
        check.advice.iter().for_each(|advice| report += &format!("  -> {advice}\n"));
        assert!(check.why.ends_with('.'), "{check:?}");
    }
    report
}
