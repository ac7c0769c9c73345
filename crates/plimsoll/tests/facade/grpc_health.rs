//! gRPC's health protocol on the status listener, by tonic's own client.

use std::time::Duration;

use plimsoll::Check;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Streaming};
use tonic_health::pb::health_check_response::ServingStatus::{
    self, NotServing, ServiceUnknown, Serving,
};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::support::{instance, serve, until};

const PATIENCE: Duration = Duration::from_secs(20);

fn name(service: &str) -> HealthCheckRequest {
    let service = service.into();
    HealthCheckRequest { service }
}

async fn check(client: &mut HealthClient<Channel>, service: &str) -> Result<ServingStatus, Code> {
    let answer = client.check(name(service)).await;
    let answer = answer.map_err(|status| status.code())?;
    Ok(answer.into_inner().status())
}

async fn next(stream: &mut Streaming<HealthCheckResponse>) -> ServingStatus {
    let message = timeout(PATIENCE, stream.message()).await.unwrap();
    message.unwrap().unwrap().status()
}

#[tokio::test]
async fn a_tonic_client_checks_and_watches_names_that_come_later_and_a_drain_ends_it() {
    let database = Check::new("database", async || Ok::<(), String>(()));
    let (plimsoll, _) = instance(|builder| builder.readiness(database));
    let address = serve(plimsoll.status_router()).await;
    let channel = Channel::from_shared(format!("http://{address}")).unwrap();
    let mut client = HealthClient::new(channel.connect().await.unwrap());

    // No evidence yet.
    assert_eq!(check(&mut client, "").await, Ok(NotServing));
    let mut whole = client.watch(name("")).await.unwrap().into_inner();
    assert_eq!(next(&mut whole).await, NotServing);
    let running = plimsoll.health().start().unwrap();
    assert_eq!(next(&mut whole).await, Serving);
    assert_eq!(check(&mut client, "").await, Ok(Serving));
    assert_eq!(check(&mut client, "livez").await, Ok(Serving));

    let cards = "cards.v1.Cards";
    assert_eq!(check(&mut client, cards).await, Err(Code::NotFound));
    let mut watched = client.watch(name(cards)).await.unwrap().into_inner();
    assert_eq!(next(&mut watched).await, ServiceUnknown);
    let service = plimsoll.health().grpc_service(cards).unwrap();
    assert_eq!(next(&mut watched).await, Serving);
    service.serving(false);
    assert_eq!(next(&mut watched).await, NotServing);
    service.serving(true);
    assert_eq!(next(&mut watched).await, Serving);
    assert_eq!(check(&mut client, cards).await, Ok(Serving));

    plimsoll.drain().begin(PATIENCE);
    for stream in [&mut whole, &mut watched] {
        assert_eq!(next(stream).await, NotServing);
        let over = timeout(PATIENCE, stream.message()).await.unwrap();
        assert_eq!(over.unwrap_err().code(), Code::Unavailable);
    }
    for (service, expected) in [("", NotServing), (cards, NotServing), ("livez", Serving)] {
        assert_eq!(check(&mut client, service).await, Ok(expected), "{service}");
    }
    let gone = || (plimsoll.health().watches() == 0).then_some(());
    until("streams to end", gone).await;
    drop(running);
}
