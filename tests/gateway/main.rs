//! The gateway from the outside: real processes of the built binary, over real sockets, on loopback. Each test starts
//! what it needs on free ports and in a folder of its own, and ends it. Time is asserted only where it is the very
//! thing in question, and then with room.
//! Not unit tests: nothing of the library is called. What is expected is written here as data, from the contract that
//! callers and Xceed rely on.

mod harness;

mod async_mode;
mod audit;
mod audit_recipe;
mod audit_restored;
mod audit_tampering;
mod backup;
mod bad_calls;
mod bad_input;
mod batches;
mod breaker;
mod callback_addresses;
mod callback_forgery;
mod connections;
mod console;
mod contract_fixtures;
mod deadline;
mod deferred;
mod described;
mod doors;
mod durability;
mod foreign_sets;
mod going_back;
mod going_back_faults;
mod holds;
mod idempotency;
mod limits;
mod load;
mod metrics;
mod names;
mod on_postgres;
mod order;
mod overload;
mod panics;
mod parked;
mod postgres_outages;
mod privacy;
mod reload;
mod retention;
mod return_codes;
mod rotation;
mod several_gateways;
mod shutdown;
mod smuggling;
mod sources;
mod start;
mod store_faults;
mod stores;
mod stray_connections;
mod stream;
mod tls;
mod traces;
