//! A database to lose: tables with rows, everything else that can be dropped, and an account of all of it.

use super::fixture::{Place, Ran, need};
use super::servers::Postgres;
use std::fmt::Debug;
use std::process::Command;

/// What the database holds at the start.
const SEED: &str = include_str!("seed.sql");

/// Makes room for the seed, and puts back what of the cluster may be lost.
const CLEAR: &str = "
    set client_min_messages = error;
    drop schema if exists public, archive cascade;
    create schema public;
    select lo_unlink(oid) from pg_largeobject_metadata;
    select 'create database spare' where not exists (select from pg_database where datname = 'spare') \\gexec
    select 'create role leaver' where not exists (select from pg_roles where rolname = 'leaver') \\gexec
    select pg_create_physical_replication_slot('standby') where not exists (select from pg_replication_slots);
    alter system reset all;
";

/// Every row and everything with a name, a line each.
const ACCOUNT: &str = include_str!("account.sql");

/// A shop's database, on a server of its own, and a place for shells.
pub struct Shop {
    /// The place.
    pub place: Place,
    /// The server.
    pub postgres: Postgres,
}

impl Shop {
    /// Opens it.
    pub fn open() -> Shop {
        need("psql");
        let shop = Shop { place: Place::new(), postgres: Postgres::start() };
        shop.postgres.script("postgres", "create role worker;\ncreate database shop;");
        shop.reset();
        shop
    }

    /// Makes everything as it was.
    fn reset(&self) {
        self.postgres.script("shop", &format!("{CLEAR}{SEED}"));
    }

    /// All that is there, told by a connection of its own.
    pub fn account(&self) -> String {
        self.postgres.script("shop", ACCOUNT)
    }

    /// A script with the variables by which psql finds the shop.
    fn script(&self, script: &str) -> String {
        let mut exports = format!("export SOCKET='{}'\n", self.postgres.socket_folder().display());
        for (name, value) in self.postgres.environment() {
            exports.push_str(&format!("export {name}='{value}'\n"));
        }
        format!("{exports}export PGDATABASE=shop PGCONNECT_TIMEOUT=20\n{script}\n")
    }

    /// A command that runs a script.
    pub fn command(&self, script: &str, guarded: bool) -> Command {
        self.place.command(&self.script(script), guarded)
    }

    /// Runs a script in a guarded shell.
    pub fn run(&self, script: &str) -> Ran {
        self.place.run(&self.script(script))
    }

    /// Runs a script without sprag.
    pub fn bare(&self, script: &str) -> Ran {
        self.place.bare(&self.script(script))
    }

    /// Demands of every script that nothing of it is run and nothing lost, where without sprag something is.
    pub fn all_held<'s>(&self, scripts: impl IntoIterator<Item = &'s str>) -> usize {
        let run = |script: &&str, guarded: bool| if guarded { self.run(script) } else { self.bare(script) };
        self.all_lose_nothing(scripts, "nothing was run\n", run)
    }

    /// Demands of every way, guarded, that it is refused with `said` at the end and loses nothing; and that it does lose
    /// something without sprag, for else it shows nothing.
    pub fn all_lose_nothing<W: Debug>(
        &self,
        ways: impl IntoIterator<Item = W>,
        said: &str,
        run: impl Fn(&W, bool) -> Ran,
    ) -> usize {
        let before = self.account();
        let (mut complaints, mut count) = (Vec::new(), 0);
        for way in ways {
            count += 1;
            let ran = run(&way, true);
            let after = self.account();
            let refused =
                ["psql", "dropdb", "pg_restore"].iter().any(|t| ran.stderr.contains(&format!("sprag: refused: `{t}")));
            if !(matches!(ran.code, 75 | 77) && refused && ran.stderr.ends_with(said)) {
                complaints.push(format!("not refused: {way:?}\n  {ran:?}"));
            }
            if after != before {
                complaints.push(format!("lost by {way:?}:\n{}", difference(&before, &after)));
                self.reset();
            }
            let bare = run(&way, false);
            if self.account() == before {
                complaints.push(format!("loses nothing without sprag: {way:?}\n  {bare:?}"));
            } else {
                self.reset();
            }
        }
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
        count
    }

    /// Demands of every session that sprag changes nothing about it: what it says, how it ends, what it does. They run one
    /// after another in one database, and again in another one made alike.
    pub fn all_alike(&self, sessions: &[&str]) -> usize {
        let runs = [false, true].map(|guarded| {
            self.postgres.script("postgres", "drop database shop with (force);\ncreate database shop;");
            self.reset();
            let ran: Vec<Ran> = sessions.iter().map(|s| if guarded { self.run(s) } else { self.bare(s) }).collect();
            (ran, self.account())
        });
        let [(bare, account), (guarded, guarded_account)] = runs;
        let mut complaints = Vec::new();
        for (session, (bare, guarded)) in sessions.iter().zip(bare.iter().zip(&guarded)) {
            let parts = |ran: &Ran| (ran.code, ran.stdout.clone(), ran.stderr.clone());
            if parts(bare) != parts(guarded) {
                complaints.push(format!("`{session}`\n  bare:    {bare:?}\n  guarded: {guarded:?}"));
            }
        }
        if account != guarded_account {
            complaints.push(difference(&account, &guarded_account));
        }
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
        sessions.len()
    }
}

/// The lines that are in one account alone.
fn difference(one: &str, other: &str) -> String {
    let only = |a: &str, b: &str, sign: &str| -> String {
        a.lines().filter(|l| !b.lines().any(|m| m == *l)).map(|l| format!("  {sign} {l}\n")).collect()
    };
    only(one, other, "-") + &only(other, one, "+")
}
