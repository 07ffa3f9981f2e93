//! Clients, people, passkeys and keys, as set up by operators.

pub mod bind_data_keys;
pub mod block_client;
pub mod create_ticket;
pub mod define_details;
pub mod enroll_passkey;
pub mod enroll_person;
pub mod introduce_person;
pub mod register_client;
pub mod remove_passkey;
pub mod replace_entry;
pub mod rotate_keys;
