//! `sprag run` in a default docker container, as root and as an ordinary user; and docker itself, called from a session.
//!
//! Needs a machine on which dockerd starts; where it does not, these tests say so and try nothing.

mod fixture;
#[path = "fixture/servers.rs"]
mod servers;

use fixture::{Place, binary, need};
use servers::Docker;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

const IMAGE: &str = "sprag-test:1";
const UID: u32 = 1000;

/// Ways out; each must get through in the container without a session.
const ATTACKS: &[(&str, &str)] = &[
    ("by its path", "/usr/local/bin/terraform version"),
    ("without an environment", "env -i PATH=/usr/local/bin:/bin terraform version"),
    ("a copy", "cp /usr/local/bin/terraform ./copy && ./copy version"),
    ("a copy by a reader", "cat /usr/local/bin/terraform >two && chmod +x two && ./two version"),
    ("a symlink", "ln -s /usr/local/bin/terraform soft && ./soft version"),
    ("around by /proc", "/proc/self/root/usr/local/bin/terraform version"),
    ("read a key", "cat ~/.aws/credentials"),
    ("read a key by /proc", "cat /proc/self/root$HOME/.aws/credentials"),
    ("read a key through a link", "ln -s ~/.aws keys && cat keys/credentials"),
    ("write a key", "echo evil >>~/.aws/credentials"),
    ("its record", "mkdir -p ~/.local/state/sprag && ls ~/.local/state/sprag"),
    ("its links", "ln -sf /bin/sh ~/links/planted && rm ~/links/planted"),
    ("a file in /tmp", "touch /tmp/planted"),
    ("a file beside the workspace", "touch ~/planted"),
];

/// A system of one program under many names, with a home for each user.
fn image(docker: &Docker) {
    need("busybox");
    let root = tempfile::tempdir().unwrap();
    let script = format!(
        "cd {} && mkdir -p bin etc tmp usr/local/bin root/.aws home/u/.aws && cp \"$(command -v busybox)\" bin/busybox && \
         for name in sh echo true ls cat cp ln env mkdir rm id sed grep touch chmod timeout; do ln -s busybox bin/$name; done && \
         chmod 1777 tmp && printf 'root:x:0:0::/root:/bin/sh\\nu:x:{UID}:{UID}::/home/u:/bin/sh\\n' >etc/passwd && \
         touch usr/local/bin/terraform usr/local/bin/sprag && for home in root home/u; do echo key >$home/.aws/credentials; done && \
         chown -R {UID}:{UID} home/u && tar -cf ../{IMAGE}.$$.tar . && mv ../{IMAGE}.$$.tar image.tar",
        root.path().display()
    );
    assert!(Command::new("bash").args(["-ec", &script]).status().unwrap().success());
    let tar = std::fs::File::open(root.path().join("image.tar")).unwrap();
    docker.client(&["import", "-", IMAGE], Stdio::from(tar));
}

/// The daemon with the image; nothing, and a word, where it does not start, or starts no container.
fn docker() -> Option<Docker> {
    need("docker");
    let started = Docker::start().and_then(|docker| {
        image(&docker);
        docker.run(&["run", "--rm", "--network", "none", IMAGE, "true"], Stdio::null()).map(|_| docker)
    });
    started.inspect_err(|lines| eprintln!("NOT TRIED: docker starts no container on this machine: {lines}")).ok()
}

fn real_terraform() -> String {
    need("terraform");
    let found = which::which("terraform").unwrap();
    std::fs::canonicalize(found).unwrap().display().to_string()
}

#[test]
fn a_session_stands_in_a_default_container() {
    let Some(docker) = docker() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut script = String::from(
        "sprag install --dir ~/links >/dev/null 2>&1; export PATH=~/links:$PATH; mkdir ~/w; cd ~/w\n\
         echo 'resource \"terraform_data\" \"a\" {}' >main.tf\n\
         cat >try.sh <<'END'\n",
    );
    for (name, attack) in ATTACKS {
        writeln!(script, "(timeout 20 sh -c '{attack}') >/dev/null 2>&1; echo \"$? {name}\"").unwrap();
    }
    script.push_str(
        "END\ncat >work.sh <<'END'\n\
         terraform init >/dev/null && terraform apply -auto-approve >/dev/null; echo applied $?\n\
         terraform destroy -auto-approve >/dev/null 2>&1; echo destroyed $?; terraform state list\n\
         END\necho inside; sprag run -- sh try.sh; rm -f copy two soft keys; echo work; sprag run -- sh work.sh\n\
         sprag log verify >/dev/null && echo verified; echo outside; sh try.sh\n",
    );
    std::fs::write(folder.path().join("go.sh"), script).unwrap();
    let mount = |from: &Path, to: &str| format!("{}:{to}:ro", from.display());
    for (uid, home) in [(0, "/root"), (UID, "/home/u")] {
        let line = format!(
            "run --rm --network none -u {uid} -e HOME={home} -v {} -v {} -v {} {IMAGE} sh /go.sh",
            mount(&folder.path().join("go.sh"), "/go.sh"),
            mount(binary(), "/usr/local/bin/sprag"),
            mount(Path::new(&real_terraform()), "/usr/local/bin/terraform"),
        );
        let words: Vec<&str> = line.split(' ').collect();
        let said = docker.client(&words, Stdio::null());
        let part = |from: &str, to: &str| said.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned();
        let (inside, outside) = (part("inside\n", "work\n"), part("outside\n", "\0"));
        for (name, _) in ATTACKS {
            let code = |lines: &str| lines.lines().find_map(|l| l.strip_suffix(&format!(" {name}")).map(str::to_owned));
            assert!(code(&inside).is_some_and(|code| code != "0"), "uid {uid}, {name}: {said}");
            assert_eq!(code(&outside).as_deref(), Some("0"), "uid {uid}, {name} fails without a session: {said}");
        }
        let work = part("work\n", "outside\n");
        assert_eq!(work, "applied 0\ndestroyed 75\nterraform_data.a\nverified\n", "uid {uid}: {said}");
    }
}

#[test]
fn docker_is_answered_and_its_socket_is_out_of_reach() {
    let Some(docker) = docker() else { return };
    let place = Place::new();
    place.policy("version = 1\n[session]\nunix-sockets = \"deny\"\n");
    place.write(
        "work/go.sh",
        &format!(
            "echo \"${{DOCKER_HOST:-none}}\"\n\
             docker run --rm --network none {IMAGE} echo from a container; echo $?\n\
             echo in | docker run --rm -i --network none -v \"$PWD:/w\" {IMAGE} sh -c 'cat; ls /w'; echo $?\n\
             docker run --rm --network none -v /etc:/host {IMAGE} ls /host/shadow 2>/dev/null; echo $?\n\
             docker run --rm --privileged --network none {IMAGE} true 2>/dev/null; echo $?\n\
             docker system prune -af --volumes 2>/dev/null; echo $?\n\
             python3 -c 'import socket; socket.socket(socket.AF_UNIX)' 2>/dev/null; echo $?\n"
        ),
    );
    let ran = place.run(&format!("export DOCKER_HOST={} && \"$SPRAG\" run -- bash go.sh", docker.host()));
    let expected = "none\nfrom a container\n0\nin\ngo.sh\n0\n75\n75\n75\n1\n";
    assert_eq!(ran.stdout, expected, "{ran:?}");
}
