//! Compose files: what their services are given of the machine is held, whatever way it stands in them; and the plugins that docker's
//! client runs.

use sprag::effect::{Effect, Verb, worst};
use sprag::inspect::{Unasked, deepen};
use sprag::shim::call_of_words;
use sprag::tool;
use std::ffi::OsString;

/// What a command line does in a folder with these files.
fn effects(files: &[(&str, &str)], line: &str) -> Vec<Effect> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    std::fs::create_dir_all(folder.path().join(".git")).unwrap();
    let words: Vec<OsString> = shell_words::split(line).unwrap().into_iter().map(OsString::from).collect();
    let mut call = call_of_words(words, folder.path()).unwrap();
    call.env.clear();
    call.env.insert("HOME".into(), "/home/nobody".into());
    call.env.insert("PWD".into(), folder.path().into());
    let tools = tool::find(&call.name).unwrap();
    let reading = tools[0].read(&call);
    deepen(&reading, &call, &Unasked(&call)).effects
}

fn verb(service: &str) -> Verb {
    let text = format!("services:\n  web:\n    image: nginx\n{service}");
    let both = ["docker compose up -d", "docker-compose up"].map(|l| worst(&effects(&[("compose.yaml", &text)], l)));
    assert_eq!(both[0], both[1], "{service}");
    both[0]
}

#[test]
fn what_a_service_is_given_of_the_machine_is_held() {
    for service in [
        "    privileged: true\n",
        "    privileged: ${X:-true}\n",
        "    pid: host\n",
        "    ipc: \"host\"\n",
        "    userns_mode: host\n",
        "    cap_add: [SYS_ADMIN]\n",
        "    devices: [\"/dev/sda:/dev/sda\"]\n",
        "    devices:\n      - source: /dev/sda\n        target: /dev/sda\n",
        "    device_cgroup_rules: [\"a *:* rwm\"]\n",
        "    use_api_socket: true\n",
        "    post_start:\n      - command: ls\n        privileged: true\n",
        "    build: {context: ., privileged: true}\n",
        "    build: {context: ., entitlements: [security.insecure]}\n",
        "    provider: {type: ./evil}\n",
        "    scale: 0\n",
        "    deploy: {replicas: 0}\n",
        "volumes:\n  x:\n    driver_opts: {type: none, o: bind, device: /etc}\n",
        "volumes:\n  x:\n    driver_opts: {type: ext4, device: /dev/sda1}\n",
        "    volumes:\n      - type: ${T:-bind}\n        source: a/../../../../etc\n        target: /e\n",
        "    security_opt: [seccomp:unconfined]\n",
        "    volumes: [\"/:/host\"]\n",
        "    volumes:\n      - /var/run/docker.sock:/var/run/docker.sock\n",
        "    volumes:\n      - type: bind\n        source: /etc\n        target: /e\n",
        "    volumes: [\"${PLACE:-/etc}:/e\"]\n",
        "    volumes: [\"${NOWHERE}:/e\"]\n",
        "    extends: {file: ../other.yaml, service: x}\n",
        "x-all: &all\n  privileged: true\nservices:\n  a:\n    <<: *all\n",
    ] {
        let text = service.strip_prefix("x-").map(|_| service.to_owned());
        let found = match text {
            Some(text) => worst(&effects(&[("compose.yaml", &text)], "docker compose up")),
            None => verb(service),
        };
        assert!(found > Verb::Write, "{service}: {found:?}");
    }
}

#[test]
fn an_ordinary_service_is_only_started() {
    for service in [
        "",
        "    build: .\n    ports: [\"8080:80\"]\n    environment: {A: \"${NOWHERE}\"}\n",
        "    volumes: [\"./data:/data\", \"db:/var/lib/db\", \".:/app:ro\"]\n",
        "    volumes: [\"${PWD}/data:/data\"]\n    network_mode: bridge\n    privileged: false\n",
        "    volumes:\n      - type: volume\n        source: db\n        target: /x\n",
        "    volumes:\n      - type: bind\n        source: ./conf\n        target: /x\n        read_only: true\n",
        "    build: {context: ., privileged: false}\n    scale: 2\n    deploy: {replicas: 1}\n",
        "    provider: {type: model}\n    post_start: [{command: ls}]\n",
        "volumes:\n  x: {}\n  y:\n    driver_opts: {type: none, o: bind, device: ./data}\n  z:\n",
        "secrets:\n  x: {file: ./secret}\n  y: {file: secret}\nconfigs:\n  z: {file: conf/z}\n  w: {external: true}\n",
        "    healthcheck: {test: [\"CMD\", \"curl\", \"localhost\"]}\n    depends_on: [db]\n  db:\n    image: postgres\n",
    ] {
        assert_eq!(verb(service), Verb::Write, "{service}");
    }
}

#[test]
fn every_file_that_compose_reads_is_read() {
    let good = "services: {web: {image: nginx}}\n";
    let evil = "services: {web: {image: nginx, privileged: true}}\n";
    for (files, line, held) in [
        (vec![("compose.yaml", good), ("compose.override.yaml", evil)], "docker compose up", true),
        (vec![("compose.yaml", good), ("x.yaml", evil)], "docker compose up", false),
        (vec![("compose.yaml", good), ("x.yaml", evil)], "docker compose -f x.yaml up", true),
        (vec![("compose.yaml", good), ("x.yaml", evil)], "docker compose -f compose.yaml -f x.yaml up -d", true),
        (vec![("docker-compose.yml", evil)], "docker-compose up", true),
        (vec![("docker-compose.yml", evil)], "docker-compose run --rm web env", true),
        (vec![("docker-compose.yml", evil)], "docker-compose ps", false),
        (vec![("docker-compose.yml", evil)], "docker compose --dry-run up", false),
        (vec![("a/x.yaml", evil), ("compose.yaml", "include: [a/x.yaml]\n")], "docker compose up", true),
        (vec![("a/x.yaml", evil), ("compose.yaml", "include:\n  - path: a/x.yaml\n")], "docker compose up", true),
        (vec![("compose.yaml", "include: [\"https://example.com/x.yaml\"]\n")], "docker compose up", true),
        (vec![("compose.yaml", "services: [\n")], "docker compose up", true),
        (vec![], "docker compose up", false),
        (vec![("docker-compose.yml", evil)], "docker compose build", false),
        (vec![("compose.yaml", good), ("x.yaml", evil), (".env", "COMPOSE_FILE=x.yaml\n")], "docker compose up", true),
        (vec![("s.yml", evil)], "docker stack deploy -c s.yml s", true),
        (vec![("s.yml", good)], "docker stack deploy -c s.yml s", false),
    ] {
        let effects = effects(&files, line);
        assert_eq!(worst(&effects) > Verb::Write, held, "{files:?}: {line}: {effects:?}");
    }
}

#[test]
fn a_variable_has_the_value_that_compose_gives_it() {
    let file = "services: {web: {image: nginx, volumes: [\"${P:-.}:/e\"]}}\n";
    let included = "include:\n  - path: a/x.yaml\n    env_file: b.env\n";
    for (files, line, held) in [
        (vec![("compose.yaml", file)], "docker compose up", false),
        (vec![("compose.yaml", file), (".env", "export P=/etc\n")], "docker compose up", true),
        (vec![("compose.yaml", file), ("b.env", "P=/etc\n")], "docker compose up", false),
        (vec![("compose.yaml", file), ("b.env", "P=/etc\n")], "docker compose --env-file b.env up", true),
        (vec![("compose.yaml", file), (".env", "P=/etc\n")], "docker compose --env-file b.env up", false),
        (vec![("compose.yaml", file), ("b.env", "P=/etc\n")], "env COMPOSE_ENV_FILES=b.env docker compose up", true),
        (vec![("compose.yaml", included), ("a/x.yaml", file), ("b.env", "P=/etc\n")], "docker compose up", true),
        (
            vec![("compose.yaml", "include: [a/x.yaml]\n"), ("a/x.yaml", file), ("a/.env", "P=/etc\n")],
            "docker compose up",
            true,
        ),
        (vec![("s.yml", file), (".env", "P=/etc\n")], "docker stack deploy -c s.yml s", false),
    ] {
        let effects = effects(&files, line);
        assert_eq!(worst(&effects) > Verb::Write, held, "{files:?}: {line}: {effects:?}");
    }
}

#[test]
fn what_a_service_can_read_of_a_home_is_told() {
    for text in [
        "services: {web: {image: nginx, volumes: [\"/home/nobody/.aws:/a:ro\"]}}\n",
        "services: {web: {image: nginx}}\nsecrets: {x: {file: /home/nobody/.aws/credentials}}\n",
        "services: {web: {image: nginx}}\nconfigs: {x: {file: ~/.aws/credentials}}\n",
    ] {
        let effects = effects(&[("compose.yaml", text)], "docker compose up");
        assert!(effects.iter().any(|e| e.verb == Verb::Reveal), "{text}: {effects:?}");
    }
}

#[test]
fn plugins_of_a_folder_that_is_not_the_homes_are_held() {
    let plugin = [("D/cli-plugins/docker-x", "#!/bin/sh\n")];
    let named = [("D/config.json", r#"{"CliPluginsExtraDirs": ["/x"]}"#)];
    let broken = [("D/config.json", r#"{"cliPluginsExtraDirs": ["/x"]} x"#)];
    for files in [plugin, named, broken] {
        for line in [
            "docker --config D",
            "docker --config D info",
            "docker --config D system info",
            "docker --config=D compose ps",
            "docker --config D compose cp web:/x .",
            "docker --config D compose exec web ls",
            "docker --config D buildx ls",
            "docker --config D image build .",
            "env DOCKER_CONFIG=D docker build .",
            "env DOCKER_CONFIG=D docker-compose build",
        ] {
            assert_eq!(worst(&effects(&files, line)), Verb::Escape, "{files:?}: {line}");
        }
        for line in ["docker --config D ps", "docker --config D pull x", "docker --config D image ls", "docker info"] {
            assert!(worst(&effects(&files, line)) <= Verb::Write, "{files:?}: {line}");
        }
    }
    let plain = [("D/config.json", r#"{"auths": {}, "cliPluginsExtraDirs": []}"#), ("D/cli-plugins/readme", "")];
    assert_eq!(worst(&effects(&plain, "docker --config D compose ps")), Verb::Read);
    let planted = [("h/.docker/cli-plugins/docker-x", "")];
    assert_eq!(worst(&effects(&planted, "env HOME=h docker info")), Verb::Escape);
}
