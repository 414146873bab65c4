//! The payment provider and its client, over real sockets.
mod charges;
mod client;
mod faults;
mod keys;
mod running;
