use std::net::SocketAddr;

use subscriptions::Accept;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::egress::EgressRules;
use crate::settings::AllowPrivate;
use crate::settings::Settings;

fn endpoint(uri: String, qos: &str, version: &str) -> Endpoint {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    Endpoint {
        uri,
        accept: Accept::Json,
        receiver_info: Vec::new(),
        notifier_info: vec![pair("MQTT-QoS", qos), pair("MQTT-Version", version)],
        timeout: None,
        cooldown: None,
    }
}

fn message() -> Message {
    Message {
        content_type: "application/json",
        headers: vec![("Link".to_owned(), "<c>".to_owned())],
        body: "{}".to_owned(),
    }
}

fn delivery() -> MqttDelivery {
    let settings = Settings { egress_allow_private: AllowPrivate::All, ..Settings::default() };
    MqttDelivery::new(Connector::new(EgressRules::of(&settings)), 4)
}

/// A broker that says yes to everything, with this code for messages; tells what it was sent.
async fn broker(
    code: u8,
    connections: usize,
) -> (SocketAddr, tokio::task::JoinHandle<Vec<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut packets = Vec::new();
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().await.unwrap();
            while let Some(packet) = read(&mut stream).await {
                let answer: Vec<u8> = match packet[0] {
                    0x10 => vec![0x20, 2, 0, 0],
                    0x30 => Vec::new(),
                    0xc0 => vec![0xd0, 0],
                    0x32 => vec![0x40, 3, 0, 1, code],
                    0x34 => vec![0x50, 3, 0, 1, code],
                    _ => vec![0x70, 2, 0, 1],
                };
                stream.write_all(&answer).await.unwrap();
                packets.push(packet);
            }
        }
        packets
    });
    (address, task)
}

async fn read(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let kind = stream.read_u8().await.ok()?;
    let length = stream.read_u8().await.ok()?;
    let mut packet = vec![0; usize::from(length)];
    stream.read_exact(&mut packet).await.ok()?;
    packet.insert(0, kind);
    Some(packet)
}

#[tokio::test]
async fn a_message_is_published_at_each_quality_of_service() {
    for (qos, kinds) in
        [("0", vec![0x10, 0x30, 0xc0]), ("1", vec![0x10, 0x32]), ("2", vec![0x10, 0x34, 0x62])]
    {
        for version in ["mqtt3.1.1", "mqtt5.0"] {
            let (address, packets) = broker(0, 1).await;
            let delivery = delivery();
            let endpoint = endpoint(format!("mqtt://{address}/city/lamps"), qos, version);
            assert_eq!(delivery.deliver(&endpoint, &message()).await, Outcome::Delivered, "{qos}");
            drop(delivery);
            let packets = packets.await.unwrap();
            let found: Vec<u8> = packets.iter().map(|packet| packet[0]).collect();
            assert_eq!(found, kinds, "{qos} {version}");
            let sent = String::from_utf8_lossy(&packets[1]).into_owned();
            let json = r#"{"metadata":{"Content-Type":"application/json","Link":"<c>"},"body":{}}"#;
            assert!(sent.contains("city/lamps") && sent.ends_with(json), "{sent}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_broke_meanwhile_is_opened_again() {
    let (address, packets) = broker(0, 2).await;
    let delivery = delivery();
    let endpoint = endpoint(format!("mqtt://{address}/t"), "0", "mqtt5.0");
    assert_eq!(delivery.deliver(&endpoint, &message()).await, Outcome::Delivered);
    {
        let mut kept = delivery.kept.lock().unwrap();
        let (session, _) = &mut kept.values_mut().next().unwrap()[0];
        // The other side hangs up.
        session.stream = Box::new(tokio::io::duplex(64).0);
    }
    assert_eq!(delivery.deliver(&endpoint, &message()).await, Outcome::Delivered);
    drop(delivery);
    let connects = packets.await.unwrap().iter().filter(|packet| packet[0] == 0x10).count();
    assert_eq!(connects, 2);
}

#[tokio::test]
async fn what_a_broker_refuses_is_told_from_a_broker_that_is_not_there() {
    let (address, _broker) = broker(0x97, 1).await;
    let refused = endpoint(format!("mqtt://{address}/t"), "1", "mqtt5.0");
    assert!(matches!(delivery().deliver(&refused, &message()).await, Outcome::Refused(_)));
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failed = endpoint(format!("mqtt://{gone}/t"), "1", "mqtt5.0");
    assert!(matches!(delivery().deliver(&failed, &message()).await, Outcome::Failed(_)));
}

#[test]
fn a_uri_tells_who_where_and_about_what() {
    let target = Target::of(&endpoint("mqtts://a:p%40@b.example/x/y%20z".into(), "2", "")).unwrap();
    assert_eq!((target.place.port, target.place.secure, target.qos), (8883, true, 2));
    assert_eq!((target.user.as_deref(), target.password.as_deref()), (Some("a"), Some("p@")));
    assert_eq!(target.topic, "x/y z");
}
