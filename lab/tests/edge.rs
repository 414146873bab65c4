//! The edge over real HTTP, on real brokers and a real Redis.
mod broker;
mod cancel;
mod crowd;
mod crowded;
mod drain;
mod durability;
mod house;
mod http;
mod place;
mod protocol;
mod refused;
mod repeats;
mod rude;
mod status;
mod stock;
