fn main() {
    let dsn = String::from("postgres://root:hunter2@10.0.0.7/cards");
    plimsoll_errors::public!("The store at {dsn} does not answer.");
}
