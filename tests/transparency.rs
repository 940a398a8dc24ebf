//! What only reads looks as if sprag were not there: the same standard output, the same standard error, the same exit code.
//! Real terraform, real aws against moto, real psql against a PostgreSQL of the test's own; calls that fail included.

mod fixture;
#[path = "fixture/servers.rs"]
mod servers;

use fixture::{Place, Ran, need};
use servers::{Moto, Postgres};

/// Runs every command bare and guarded in the same folder and compares; returns how many there were.
fn compare(place: &Place, exports: &[(&str, String)], commands: &[&str]) -> usize {
    let exports: String = exports.iter().map(|(k, v)| format!("export {k}='{v}'\n")).collect();
    let mut complaints = Vec::new();
    for command in commands {
        let script = format!("{exports}cd there && {{ {command}\n}}");
        let parts = |ran: Ran| (ran.code, ran.stdout, ran.stderr);
        let bare = parts(place.bare(&script));
        let guarded = parts(place.run(&script));
        if bare != guarded && bare == parts(place.bare(&script)) {
            complaints.push(format!("`{command}`\n  bare:    {bare:?}\n  guarded: {guarded:?}"));
        } else if bare != guarded {
            complaints.push(format!("`{command}` differs from one bare run to the next; it cannot be compared"));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    commands.len()
}

#[test]
fn terraform_reads_as_without() {
    need("terraform");
    let place = Place::new();
    place.write("work/there/main.tf", "variable \"v\" { default = \"x\" }\nresource \"terraform_data\" \"a\" { input = var.v }\noutput \"o\" { value = terraform_data.a.output }\n");
    place.write("work/there/messy/main.tf", "locals{\na=1\n}\n");
    let made = place.bare("cd there && terraform init >&2 && terraform apply -auto-approve >&2");
    assert_eq!(made.code, 0, "{made:?}");
    let count = compare(
        &place,
        &[],
        &[
            "terraform version",
            "terraform -version",
            "terraform version -json",
            "terraform",
            "terraform -help",
            "terraform plan -help",
            "terraform apply -help",
            "terraform destroy -auto-approve -help",
            "terraform plan",
            "terraform plan -no-color",
            "terraform plan -no-color -detailed-exitcode -var v=y",
            "terraform plan -no-color -destroy",
            "terraform plan -no-color -var-file=missing.tfvars",
            "terraform -chdir=messy fmt -check -diff",
            "terraform fmt -check",
            "terraform validate",
            "terraform validate -json",
            "terraform -chdir=nowhere validate",
            "terraform show -no-color",
            "terraform state list",
            "terraform state show -no-color terraform_data.a",
            "terraform state show terraform_data.missing",
            "terraform workspace list",
            "terraform workspace show",
            "terraform providers",
            "terraform graph",
            "terraform output",
            "terraform metadata functions -json | sha256sum",
            "terraform plan -no-color | head -n 3",
        ],
    );
    assert!(count >= 20);
}

#[test]
fn aws_reads_as_without() {
    need("aws");
    let place = Place::new();
    let moto = Moto::start();
    place.write("work/there/file", "x");
    let mut exports = moto.environment();
    exports.push(("AWS_DEFAULT_REGION", "eu-central-1".to_owned()));
    let lines: String = exports.iter().map(|(k, v)| format!("export {k}='{v}'\n")).collect();
    let made = place.bare(&format!("{lines} aws s3 mb s3://courses && aws s3 cp there/file s3://courses/k"));
    assert_eq!(made.code, 0, "{made:?}");
    let count = compare(
        &place,
        &exports,
        &[
            "aws --version",
            "aws s3api list-objects-v2 --bucket courses --query 'Contents[].Key'",
            "aws s3api head-bucket --bucket missing",
            "aws sts get-caller-identity --output text",
            "aws rds describe-db-instances",
            "aws ec2 describe-regions --output table",
            "aws dynamodb list-tables --no-cli-pager 2>&1 | head -n 3",
            "aws configure list",
            "aws --profile nobody s3 ls",
            "aws s3 ls s3://missing",
            "aws ec2 describe-instances --filters Name=instance-state-name,Values=running --query 'Reservations[]'",
            "AWS_ENDPOINT_URL= aws --endpoint-url http://127.0.0.1:1 --cli-connect-timeout 1 sts get-caller-identity 2>&1 | tail -n 1",
        ],
    );
    assert!(count >= 10);
}

#[test]
fn psql_reads_as_without() {
    need("psql");
    let place = Place::new();
    let postgres = Postgres::start();
    postgres.sql("create table t (id int primary key, name text default 'x'); insert into t select g, 'n' || g from generate_series(1, 50) g");
    place.write("work/there/reads.sql", "\\echo from a file\nselect count(*) from t;\n\\i more.sql\n");
    place.write("work/there/more.sql", "select name from t where id = 7;\n");
    place.write("work/there/broken.sql", "select 1;\nselect * from missing;\nselect 2;\n");
    let socket = format!("PGHOST='{}' psql -X -c 'select 1'", postgres.socket_folder().display());
    let count = compare(
        &place,
        &postgres.environment(),
        &[
            "psql --version",
            "psql --help",
            "psql -X -l",
            "psql -X -c 'select * from t'",
            "psql -X -Atc 'select * from t' -c 'select 2'",
            "psql -X --csv -c 'select * from t'",
            "psql -X -c '\\d t'",
            "psql -X -c '\\dt+'",
            "psql -X -c '\\df'",
            "psql -X -c '\\conninfo'",
            "psql -X -c 'explain (costs off) select * from t where id = 1'",
            "psql -X -c 'show search_path'",
            "psql -X -c 'copy t to stdout'",
            "psql -X -f reads.sql",
            "psql -X -f broken.sql",
            "psql -X -v ON_ERROR_STOP=1 -f broken.sql",
            "psql -X -1 -f reads.sql",
            "psql -X <reads.sql",
            "cat broken.sql | psql -X",
            "echo 'select :x + 1' | psql -X -At -v x=41",
            "psql -X -c 'select generate_series(1, 20000)' | md5sum",
            "psql -X -c 'select generate_series(1, 20000)' | head -n 2",
            "psql -X -c 'select * from missing'",
            "psql -X -d nowhere -c 'select 1'",
            "psql -X -p 1 -c 'select 1'",
            "psql -X 'host=127.0.0.1 dbname=postgres' -c 'select 1'",
            "psql -X -o out.txt -c 'select 5' && cat out.txt",
            &socket,
        ],
    );
    assert!(count >= 20);
}
