//! Notifies clients, people and subscribers of what happened (CIBA §10.2, §10.3).

pub mod announce;
pub mod dead_letters;
pub mod emit;
pub mod notify_client;
pub mod put_off;
pub mod sweep_deliveries;
pub mod tell_person;
