//! The real provider of AWS, 5.100.0, against moto: a database that is destroyed with and without a word of destroy, and what
//! cannot be undone about it. The provider is in no package registry: where it is not on the machine this says so and ends.

mod fixture;
#[path = "fixture/servers.rs"]
mod servers;

use fixture::{Place, Ran, need};
use servers::Moto;
use std::path::PathBuf;
use std::process::Command;

/// The mirror that holds the provider: the folder in which its registry's name stands.
fn mirror() -> Option<PathBuf> {
    let search =
        "find /opt /usr/local /usr/share ~ -name 'terraform-provider-aws_v5.100.0*' -type f -print -quit 2>/dev/null";
    let found = Command::new("bash").args(["-c", search]).output().unwrap();
    let program = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
    program.ancestors().find(|a| a.ends_with("registry.terraform.io")).and_then(|a| a.parent()).map(PathBuf::from)
}

struct Scene {
    place: Place,
    moto: Moto,
}

impl Scene {
    /// Configuration with a database of these arguments, and these tags.
    fn configure(&self, database: &str, tag: &str) {
        let database = if database.is_empty() {
            String::new()
        } else {
            format!(
                r#"resource "aws_db_instance" "courses" {{
                  identifier = "courses"
                  engine = "postgres"
                  instance_class = "db.t3.micro"
                  allocated_storage = 20
                  username = "app"
                  apply_immediately = true
                  skip_final_snapshot = true
                  tags = {{ owner = "{tag}" }}
                  lifecycle {{ ignore_changes = [password, engine_version] }}
                  {database}
                }}"#
            )
        };
        self.place.write(
            "work/prod/main.tf",
            &format!(
                r#"terraform {{
                  required_providers {{
                    aws = {{ source = "hashicorp/aws", version = "5.100.0" }}
                  }}
                }}
                provider "aws" {{
                  skip_credentials_validation = true
                  skip_requesting_account_id = true
                  skip_metadata_api_check = true
                }}
                {database}"#
            ),
        );
    }

    fn run(&self, script: &str, guarded: bool) -> Ran {
        let mut exports = format!("export TF_CLI_CONFIG_FILE='{}'\n", self.place.path("work/mirror.tfrc").display());
        for (name, value) in self.moto.environment() {
            exports.push_str(&format!("export {name}='{value}'\n"));
        }
        // In us-east-1 the CLI's version 1 sends rds to AWS itself, whatever the endpoint's variable says (seen).
        exports.push_str("export AWS_DEFAULT_REGION=eu-central-1\ncd prod\n");
        let script = format!("{exports}{script}");
        if guarded { self.place.run(&script) } else { self.place.bare(&script) }
    }

    /// What the account itself says of the database.
    fn database(&self) -> String {
        let query = "DBInstances[].[DBInstanceIdentifier,DeletionProtection,BackupRetentionPeriod]";
        let ran = self.run(&format!("aws rds describe-db-instances --output text --query '{query}'"), false);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout.trim().to_owned()
    }

    fn assert_held(&self, script: &str, says: &[&str]) {
        let before = self.database();
        let ran = self.run(script, true);
        assert!(ran.code == 75 || ran.code == 77, "`{script}` left with {}: {ran:?}", ran.code);
        for word in says {
            assert!(ran.stderr.contains(word), "`{script}` does not say `{word}`: {}", ran.stderr);
        }
        assert!(ran.stderr.ends_with("nothing was run\n"), "{ran:?}");
        assert_eq!(self.database(), before, "`{script}` changed the database");
    }
}

const PROTECTED: &str = "deletion_protection = true\n backup_retention_period = 7";

#[test]
fn a_database_of_the_real_provider_stays() {
    let Some(mirror) = mirror() else {
        eprintln!("NOT RUN: terraform-provider-aws 5.100.0 is not on this machine, and in no package registry");
        return;
    };
    need("terraform");
    need("aws");
    let scene = Scene { place: Place::new(), moto: Moto::start() };
    let rc = format!("provider_installation {{\n  filesystem_mirror {{ path = \"{}\" }}\n}}\n", mirror.display());
    scene.place.write("work/mirror.tfrc", &rc);
    scene.configure(PROTECTED, "a");
    let init = scene.run("terraform init -no-color", true);
    assert_eq!(init.code, 0, "{init:?}");
    let made = scene.run(
        "aws rds create-db-instance --db-instance-identifier courses --engine postgres --db-instance-class db.t3.micro \
           --allocated-storage 20 --master-username app --master-user-password not-a-secret --deletion-protection \
           --backup-retention-period 7 --tags Key=owner,Value=a >/dev/null && \
         terraform import -no-color aws_db_instance.courses courses && terraform apply -no-color -auto-approve",
        false,
    );
    assert_eq!(made.code, 0, "{made:?}");

    let plan = scene.run("terraform plan -no-color -detailed-exitcode", true);
    assert_eq!(plan.code, 0, "a plan works behind the walls, and nothing is left to do: {plan:?}");
    scene.configure(PROTECTED, "b");
    let benign = scene.run("terraform apply -no-color -auto-approve", true);
    assert_eq!(benign.code, 0, "{benign:?}");
    assert!(benign.stdout.contains("0 added, 1 changed, 0 destroyed"), "{benign:?}");

    let name = "aws_db_instance.courses";
    let apply = "terraform apply -no-color -auto-approve";
    let forever = ["cannot be undone", "no final snapshot is taken", "automated backups are deleted", name];
    scene.assert_held("terraform destroy -no-color -auto-approve", &forever);
    scene.configure("deletion_protection = false\n backup_retention_period = 7", "b");
    scene.assert_held(apply, &[name, "deletion protection is switched off"]);
    scene.configure("deletion_protection = true\n backup_retention_period = 0", "b");
    scene.assert_held(apply, &[name, "cannot be undone", "automated backups"]);
    scene.configure("", "b");
    scene.assert_held(apply, &forever);
}
