//! psql before a database that can be lost: every way to lose something is held, and everything else looks, ends and does
//! as without sprag. Real psql, on a PostgreSQL of the test's own.

#[path = "sql/benign.rs"]
mod benign;
#[path = "sql/entrances.rs"]
mod entrances;
mod fixture;
#[path = "sql/hindsight.rs"]
mod hindsight;
#[path = "fixture/servers.rs"]
mod servers;
#[path = "sql/shop.rs"]
mod shop;
#[path = "sql/statements.rs"]
mod statements;
#[path = "sql/streams.rs"]
mod streams;
#[path = "fixture/terminal.rs"]
mod terminal;
