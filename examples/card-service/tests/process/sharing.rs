//! Two processes that share a client's quota through one Redis.

use std::net::SocketAddr;
use std::time::Instant;

use plimsoll_testkit::redis::Redis;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::client::{answer, send};
use crate::service::Service;

/// Sends requests on one connection; how many passed and how many were over the quota.
async fn ask(address: SocketAddr, count: usize) -> (u64, u64) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut passed, mut over) = (0, 0);
    for sent in 0..count {
        let card = sent % 60 * 10 + 1;
        let request = format!("GET /v1/cards/crd_{card:07} HTTP/1.1\r\nhost: cards\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        match answer(&mut stream).await.unwrap() {
            (200, head, _) => {
                assert!(head.contains("\r\nratelimit:"), "{head}");
                passed += 1;
            }
            (429, _, body) => {
                assert!(
                    body.contains("PLM-1001") || body.contains("per-client"),
                    "{body}"
                );
                over += 1;
            }
            other => unreachable!("{other:?}"),
        }
    }
    (passed, over)
}

#[tokio::test]
async fn two_processes_with_one_redis_admit_a_quota_once() {
    let redis = Redis::start().await;
    let url = redis.url();
    let settings = [
        ("PLIMSOLL_LIMIT_REDIS", url.as_str()),
        // What is tested is the count; a busy machine may be slow.
        ("PLIMSOLL_LIMIT_DEADLINE", "10s"),
        ("PLIMSOLL_LOG", "warn"),
    ];
    let quota = ["--per-client", "1000/h burst 1000"];
    let fleet = [(); 2].map(|()| Service::with(&quota, &settings));
    let mut addresses = Vec::new();
    for one in &fleet {
        addresses.push(one.address("service").await);
    }
    let begun = Instant::now();
    // Ten thousand in all, over four connections to each.
    let asking = addresses
        .iter()
        .flat_map(|&address| (0..4).map(move |_| tokio::spawn(ask(address, 1_250))));
    let asking: Vec<_> = asking.collect();
    let (mut passed, mut over) = (0, 0);
    for one in asking {
        let (some, more) = one.await.unwrap();
        passed += some;
        over += more;
    }
    assert_eq!(passed + over, 10_000);
    // What comes back in the meantime may pass too.
    let back = begun.elapsed().as_millis() as u64 / 3_600;
    assert!(
        (980..=1_020 + back).contains(&passed),
        "{passed} passed, {back} came back"
    );
    for one in &fleet {
        let status = one.address("status").await;
        let page = send(status, "GET", "/metrics", "").await;
        assert!(page.contains("plimsoll_ratelimit_store_up 1"), "{page}");
        let bound = "plimsoll_ratelimit_overshoot_cells{policy=\"per-client\"} ";
        let cells = page.split(bound).nth(1).unwrap();
        let cells: u64 = cells.lines().next().unwrap().parse().unwrap();
        assert!((1..=20).contains(&cells), "{cells}");
    }
}
