// SPDX-License-Identifier: MIT OR Apache-2.0
//! One connection, in paused time.

use std::{future::pending, time::Duration};

use culvert_mras_sip::{ConnectionError, Ended, FrameError, IssueError, Limits, Summary, connection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex},
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::support::{Issuer, ONE, front_end, message, service, versioned};

type Outcome = JoinHandle<Result<Summary, ConnectionError>>;

fn serve_with(issuer: Issuer, buffer: usize) -> (DuplexStream, Outcome, oneshot::Sender<()>) {
    let (ours, theirs) = duplex(buffer);
    let (stop, stopped) = oneshot::channel::<()>();
    let service = service(issuer);
    let task = tokio::spawn(async move {
        let shutdown = async {
            if stopped.await.is_err() {
                pending::<()>().await;
            }
        };
        connection(theirs, &front_end(), &service, shutdown).await
    });
    (ours, task, stop)
}

fn serve() -> (DuplexStream, Outcome, oneshot::Sender<()>) {
    serve_with(Issuer::default(), 64 * 1024)
}

async fn summary(task: Outcome) -> (Ended, u64, u64) {
    let summary = task.await.unwrap().unwrap();
    (summary.ended, summary.answered, summary.issued)
}

/// Everything until the other end closes.
async fn rest(stream: &mut DuplexStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

async fn response(stream: &mut DuplexStream) -> String {
    let mut bytes = Vec::new();
    let end = loop {
        bytes.push(stream.read_u8().await.unwrap());
        if bytes.ends_with(b"\r\n\r\n") {
            break String::from_utf8(bytes).unwrap();
        }
    };
    let length = end.rsplit_once("Content-Length: ").unwrap().1.trim().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    end + &String::from_utf8(body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn messages_and_keep_alives_until_the_front_end_closes() {
    let (mut stream, task, _stop) = serve();
    for _ in 0..3 {
        stream.write_all(&message(&versioned("2.0", ONE))).await.unwrap();
        assert!(response(&mut stream).await.starts_with("SIP/2.0 200 OK\r\n"));
        sleep(Limits::default().idle - Duration::from_secs(1)).await;
        stream.write_all(b"\r\n\r\n").await.unwrap();
        let mut pong = [0; 2];
        stream.read_exact(&mut pong).await.unwrap();
        assert_eq!(pong, *b"\r\n");
        sleep(Limits::default().idle - Duration::from_secs(1)).await;
    }
    stream.write_all(&message("x")).await.unwrap();
    assert!(response(&mut stream).await.starts_with("SIP/2.0 400 Bad Request\r\n"));
    stream.shutdown().await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    assert_eq!(summary(task).await, (Ended::Closed, 4, 3));
}

/// The time of a message begins with its own first byte.
#[tokio::test(start_paused = true)]
async fn messages_that_are_slow_but_not_too_slow() {
    let (mut stream, task, _stop) = serve();
    let bytes = message(&versioned("2.0", ONE));
    let pause = Limits::default().message - Duration::from_secs(1);
    for _ in 0..3 {
        for piece in [&bytes[..9], &bytes[9..]] {
            stream.write_all(piece).await.unwrap();
            sleep(pause).await;
        }
        assert!(response(&mut stream).await.starts_with("SIP/2.0 200 OK\r\n"));
    }
    drop(stream);
    assert_eq!(summary(task).await, (Ended::Closed, 3, 3));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_ends() {
    let since = Instant::now();
    let (mut stream, task, _stop) = serve();
    // Single line ends keep nothing alive.
    stream.write_all(b"\r\n").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    assert_eq!(summary(task).await, (Ended::Idle, 0, 0));
    assert_eq!(since.elapsed().as_secs(), Limits::default().idle.as_secs());
}

/// One byte a second never makes a message.
#[tokio::test(start_paused = true)]
async fn a_slow_head_ends_without_an_answer() {
    let since = Instant::now();
    let (stream, task, _stop) = serve();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let bytes = message(&versioned("2.0", ONE));
    let drip = tokio::spawn(async move {
        for byte in bytes {
            if writer.write_all(&[byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    });
    let mut text = String::new();
    reader.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "");
    assert_eq!(summary(task).await, (Ended::Late, 0, 0));
    assert_eq!(since.elapsed().as_secs(), Limits::default().message.as_secs());
    drip.abort();
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_told_that_its_time_is_out() {
    let since = Instant::now();
    let (stream, task, _stop) = serve();
    let (mut reader, mut writer) = tokio::io::split(stream);
    let bytes = message(&versioned("2.0", ONE));
    let drip = tokio::spawn(async move {
        let body = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
        writer.write_all(&bytes[..body]).await.unwrap();
        for byte in &bytes[body..] {
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await;
        }
    });
    let mut text = String::new();
    reader.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with(
            "SIP/2.0 408 Request Timeout\r\nVia: SIP/2.0/TLS 192.0.2.9:5061;branch=z9hG4bK1\r\n"
        )
    );
    assert_eq!(
        body,
        r#"<?xml version="1.0"?><response version="2.0" serverVersion="2.0" reasonPhrase="Time Out" xmlns="http://schemas.microsoft.com/2006/09/sip/mrasp"/>"#
    );
    assert_eq!(summary(task).await, (Ended::Late, 1, 0));
    assert_eq!(since.elapsed().as_secs(), Limits::default().message.as_secs());
    drip.abort();
}

/// A head alone is the beginning of a message, though no byte of it waits.
#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes() {
    let bytes = message(&versioned("2.0", ONE));
    let head = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let since = Instant::now();
    let (mut stream, task, _stop) = serve();
    stream.write_all(&bytes[..head]).await.unwrap();
    assert!(rest(&mut stream).await.starts_with("SIP/2.0 408 Request Timeout\r\n"));
    assert_eq!(summary(task).await, (Ended::Late, 1, 0));
    assert_eq!(since.elapsed().as_secs(), Limits::default().message.as_secs());

    let (mut stream, task, _stop) = serve();
    stream.write_all(&bytes[..head]).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(matches!(task.await.unwrap(), Err(ConnectionError::Truncated)));
}

#[tokio::test(start_paused = true)]
async fn a_front_end_that_does_not_read_is_left() {
    let since = Instant::now();
    let (mut stream, task, _stop) = serve_with(Issuer::default(), 64);
    stream.write_all(&message(&versioned("2.0", ONE))).await.unwrap();
    assert_eq!(summary(task).await, (Ended::Late, 1, 1));
    // To take the response, and then to take the end.
    assert!(since.elapsed() <= 2 * Limits::default().message);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_followed_is_answered_and_then_closed() {
    let (mut stream, task, _stop) = serve();
    stream.write_all(b"OPTIONS sip:m SIP/2.0\r\n\r\nOPTIONS sip:m SIP/2.0\r\n\r\n").await.unwrap();
    let text = rest(&mut stream).await;
    assert_eq!(text.matches("SIP/2.0 ").count(), 1);
    assert!(text.starts_with("SIP/2.0 400 Bad Request\r\n"));
    assert_eq!(summary(task).await, (Ended::Refused, 1, 0));

    let (mut stream, task, _stop) = serve();
    stream.write_all(b"ACK sip:m SIP/2.0\r\n\r\n").await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    assert_eq!(summary(task).await, (Ended::Refused, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn streams_that_break() {
    let (mut stream, task, _stop) = serve();
    stream.write_all(b"OPTIONS sip:m").await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(matches!(task.await.unwrap(), Err(ConnectionError::Truncated)));

    let (mut stream, task, _stop) = serve();
    stream.write_all(b"GET / HTTP/1.1\nHost: x\n\r\n\r\n").await.unwrap();
    assert!(matches!(task.await.unwrap(), Err(ConnectionError::Frame(FrameError::NotText))));
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_a_connection_after_the_answer() {
    let (mut stream, task, stop) =
        serve_with(Issuer { error: Some(IssueError::Forbidden), ..Issuer::default() }, 65536);
    stream.write_all(&message(&versioned("2.0", ONE))).await.unwrap();
    assert!(response(&mut stream).await.starts_with("SIP/2.0 403 Forbidden\r\n"));
    stop.send(()).unwrap();
    assert_eq!(rest(&mut stream).await, "");
    assert_eq!(summary(task).await, (Ended::Shutdown, 1, 0));
}
