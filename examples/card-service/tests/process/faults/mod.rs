//! Every fault that the service can have, and what its probes say of it: the
//! real process, its real file.

mod disk;
mod file;
mod subject;
mod switched;
mod worker;
