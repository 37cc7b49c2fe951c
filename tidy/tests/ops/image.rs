//! The image: built by the toolchain of the repository, on a named base, run by nobody in particular.

use super::tools::read;

#[test]
fn an_image_runs_as_root_or_is_built_by_another_toolchain() {
    let file = read("ops/container/Containerfile");
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.split('"').nth(1).unwrap();
    let argument = |name: &str| {
        let line = file
            .lines()
            .find(|l| l.starts_with(&format!("ARG {name}=")))
            .unwrap();
        line.rsplit_once('=').unwrap().1.to_owned()
    };
    assert!(
        argument("BUILDER").contains(&format!("rust:{channel}.0-"))
            || argument("BUILDER").contains(&format!("rust:{channel}-")),
        "{} is not {channel}",
        argument("BUILDER")
    );
    let tag = argument("BASE").rsplit_once(':').map(|(_, tag)| tag.to_owned());
    assert!(tag.is_some_and(|t| t != "latest"));
    let last = file.rsplit("\nFROM ").next().unwrap();
    let user = last.lines().find_map(|l| l.strip_prefix("USER ")).unwrap();
    let relay = read("k8s/base/relay.yaml");
    let number = user.split(':').next().unwrap();
    assert!(number.parse::<u32>().is_ok_and(|n| n >= 10_000), "{user}");
    assert!(
        relay.contains(&format!("runAsUser: {number}")),
        "the manifests run another user"
    );
}
