//! The story that sprag must end differently, replayed: a forgotten state file, an auto-approved apply, a clean-up with the
//! aws CLI, an old state file unpacked over the new one, and a destroy. Real terraform, a PostgreSQL of the test's own with
//! the rows, and moto in AWS's place. Without sprag the rows are lost; with it, not one is.

mod fixture;
#[path = "fixture/servers.rs"]
mod servers;

use fixture::{Place, Ran, need};
use servers::{Moto, Postgres};

const ROWS: u64 = 19_432;

/// The database is "destroyed" by what its destruction runs, as RDS drops what it holds.
const CONFIGURATION: &str = r#"
resource "terraform_data" "network" { input = "10.0.0.0/16" }
resource "terraform_data" "cluster" { input = terraform_data.network.output }
resource "terraform_data" "courses" {
  input = terraform_data.network.output
  provisioner "local-exec" {
    when    = destroy
    command = "psql -X -q -c 'DROP TABLE courses'"
  }
}
"#;

/// What the agent did, step after step; each step's exit code is printed.
const SCENE: &str = r#"
cd prod
step() { "$@" </dev/null; echo "step $1 $2: $?"; }
step terraform apply -auto-approve -no-color
step aws rds delete-db-instance --db-instance-identifier courses --skip-final-snapshot --delete-automated-backups
cp ../archive/terraform.tfstate terraform.tfstate
step terraform destroy -auto-approve -no-color
"#;

struct Scene {
    place: Place,
    postgres: Postgres,
    moto: Moto,
}

impl Scene {
    fn set() -> Scene {
        need("terraform");
        need("aws");
        need("psql");
        let scene = Scene { place: Place::new(), postgres: Postgres::start(), moto: Moto::start() };
        scene.postgres.sql(&format!(
            "create table courses as select g as id, 'course ' || g as name from generate_series(1, {ROWS}) g"
        ));
        scene.place.write("work/prod/main.tf", CONFIGURATION);
        let made = scene.run(
            "cd prod && terraform init -no-color && terraform apply -auto-approve -no-color && \
             mkdir ../archive && mv terraform.tfstate ../archive/ && \
             aws rds create-db-instance --db-instance-identifier courses --engine postgres --db-instance-class db.t3.micro \
               --allocated-storage 20 --master-username app --master-user-password not-a-secret",
            false,
        );
        assert_eq!(made.code, 0, "{made:?}");
        scene
    }

    fn run(&self, script: &str, guarded: bool) -> Ran {
        let mut exports = String::new();
        for (name, value) in self.postgres.environment().into_iter().chain(self.moto.environment()) {
            exports.push_str(&format!("export {name}='{value}'\n"));
        }
        // In us-east-1 the CLI's version 1 sends rds to AWS itself, whatever the endpoint's variable says (seen).
        exports.push_str("export AWS_DEFAULT_REGION=eu-central-1\n");
        let script = format!("{exports}{script}");
        if guarded { self.place.run(&script) } else { self.place.bare(&script) }
    }

    fn rows(&self) -> u64 {
        let there = self.postgres.sql("select count(*) from pg_tables where tablename = 'courses'");
        if there.trim() == "0" { 0 } else { self.postgres.sql("select count(*) from courses").trim().parse().unwrap() }
    }

    fn instances(&self) -> usize {
        let ran = self.run("aws rds describe-db-instances --query 'length(DBInstances)'", false);
        ran.stdout.trim().parse().unwrap_or_else(|_| panic!("{ran:?}"))
    }
}

#[test]
fn without_sprag_everything_is_lost() {
    let scene = Scene::set();
    assert_eq!((scene.rows(), scene.instances()), (ROWS, 1));
    let ran = scene.run(SCENE, false);
    assert!(ran.stdout.contains("step terraform destroy: 0"), "{ran:?}");
    assert_eq!((scene.rows(), scene.instances()), (0, 0), "the control run must lose: {ran:?}");
}

#[test]
fn with_sprag_not_one_row_is_lost() {
    let scene = Scene::set();
    let ran = scene.run(SCENE, true);
    assert!(ran.stdout.contains("step aws rds: 75"), "{ran:?}");
    assert!(ran.stdout.contains("step terraform destroy: 75"), "{ran:?}");
    assert!(ran.stderr.contains("automated backups"), "the refusal says what goes with it: {ran:?}");
    assert!(ran.stderr.contains("`terraform_data.courses`"), "the refusal names what would go: {ran:?}");
    assert_eq!((scene.rows(), scene.instances()), (ROWS, 1), "{ran:?}");
}
