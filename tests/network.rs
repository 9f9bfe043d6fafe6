//! Cameras in the local network, against servers of the test's own on the loopback: motion
//! JPEG over HTTP as phones send it, a transport stream over RTSP as IP cameras do.
#![cfg(all(feature = "video", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test may fail and says why"
)]

#[path = "common/encode.rs"]
mod encode;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use encode::{Film, How, write_as};
use ffmpeg_next::codec::Id;
use image::{RgbImage, codecs::jpeg::JpegEncoder};
use need::has_runtime;
use serde_json::Value;
use wakewatch::source::{OpenOptions, SourceSpec, open};

#[path = "common/need.rs"]
mod need;

/// Frames a second that the servers send.
const FPS: u64 = 15;
/// So long the servers are away after they broke off: a moment that is shorter than what the
/// watchdog allows is no loss.
const AWAY: Duration = Duration::from_secs(4);

/// Pictures of a drawn driver from this second of a scenario on.
fn driver(scenario: &str, from_s: usize, seconds: usize) -> Vec<RgbImage> {
    let options = OpenOptions { fps: FPS as f32, width: 320, height: 240, ..Default::default() };
    let mut source = open(&SourceSpec::Demo(Some(scenario.into())), &options).unwrap();
    let frames = |seconds: usize| seconds * FPS as usize;
    (0..frames(from_s + seconds))
        .map(|_| (*source.next_frame().unwrap().unwrap().image).clone())
        .skip(frames(from_s))
        .collect()
}

/// The program on a source; the lines that it prints come as they are printed.
struct Watch {
    child: Child,
    lines: Receiver<Value>,
}

impl Watch {
    fn start(source: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wakewatch"))
            .args(["watch", "--headless", "--silent", "--source", source])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout: ChildStdout = child.stdout.take().unwrap();
        let (out, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = out.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, lines }
    }

    /// Waits for a line of which this holds.
    fn wait(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + Duration::from_secs(60);
        let mut seen = Vec::new();
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let Ok(line) = self.lines.recv_timeout(left) else { break };
            if holds(&line) {
                return line;
            }
            seen.push(line);
        }
        panic!("{what} does not come: {seen:#?}");
    }

    /// Interrupts it, as Ctrl-C does; gives the summary and stderr.
    fn end(mut self) -> (Value, String) {
        let interrupt = Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status();
        assert!(interrupt.unwrap().success());
        let summary = self.wait("the summary", |line| line["frames"].is_number());
        let mut told = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        assert!(self.child.wait().unwrap().success(), "{told}");
        (summary, told)
    }
}

/// Reads a request up to its blank line; nothing at the end.
fn request(stream: &mut BufReader<TcpStream>) -> String {
    let mut all = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).unwrap_or(0) == 0 {
            return String::new();
        }
        if line.trim().is_empty() {
            return all;
        }
        all.push_str(&line);
    }
}

/// Sends one part of motion JPEG a frame; false when nobody listens any more.
fn send(stream: &mut TcpStream, pictures: &[RgbImage]) -> bool {
    pictures.iter().all(|picture| {
        thread::sleep(Duration::from_millis(1000 / FPS));
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, 90).encode_image(picture).unwrap();
        let head = format!(
            "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
            jpeg.len()
        );
        stream.write_all(&[head.as_bytes(), &jpeg, b"\r\n"].concat()).is_ok()
    })
}

#[test]
fn a_phone_is_watched_lost_and_opened_again() {
    if !has_runtime() {
        return;
    }
    // The drawn driver shuts the eyes for good at 10 s.
    let (awake, asleep) = (driver("asleep", 5, 4), driver("asleep", 11, 4));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (asked, requests) = channel();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = BufReader::new(stream.unwrap());
            asked.send(request(&mut stream)).unwrap();
            let mut stream = stream.into_inner();
            let head = "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n";
            if stream.write_all(head.as_bytes()).is_err() {
                continue;
            }
            match number {
                // It breaks off in the middle of a sleep, and is away for a while.
                0 => {
                    assert!(send(&mut stream, &awake) && send(&mut stream, &asleep));
                    drop(stream);
                    thread::sleep(AWAY);
                }
                _ => while send(&mut stream, &awake) {},
            }
        }
    });
    let watch = Watch::start(&format!("http://ann:s%40cret@127.0.0.1:{port}/video"));
    let alarm = watch.wait("the alarm", |line| line["level"] == "critical");
    assert!(alarm["why"].as_str().unwrap().contains("eyes closed"), "{alarm}");
    let lost = watch.wait("the loss", |line| line["state"] == "camera_lost");
    let back = watch.wait("its return", |line| line["state"] != "camera_lost");
    assert!(back["at"].as_f64().unwrap() > lost["at"].as_f64().unwrap(), "time goes on");
    // A moment of the second connection.
    thread::sleep(Duration::from_secs(2));
    let (summary, told) = watch.end();
    assert!(summary["frames"].as_u64().unwrap() > 5 * FPS, "{summary}");
    assert_eq!(summary["alarms"].as_u64().unwrap().max(1), summary["alarms"], "{summary}");
    let first = requests.recv().unwrap();
    assert!(first.starts_with("GET /video HTTP/1.0"), "{first}");
    assert!(first.contains("Authorization: Basic YW5uOnNAY3JldA=="), "{first}");
    assert!(requests.recv().is_ok(), "it was opened again");
    assert!(!told.contains("cret"), "no password is told: {told}");
}

/// Serves a transport stream to one client after the other.
fn serve_rtsp(listener: &TcpListener, bytes: &[u8], seconds: u64) {
    let port = listener.local_addr().unwrap().port();
    for stream in listener.incoming() {
        let mut stream = BufReader::new(stream.unwrap());
        loop {
            let asked = request(&mut stream);
            let Some(method) = asked.split_whitespace().next().map(str::to_owned) else { break };
            let number = asked.lines().find_map(|line| line.strip_prefix("CSeq:")).unwrap().trim();
            let (more, body) = match method.as_str() {
                "OPTIONS" => ("Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n".to_owned(), ""),
                "DESCRIBE" => {
                    let body = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=cabin\r\nt=0 0\r\n\
                        m=video 0 RTP/AVP 33\r\na=control:trackID=0\r\n";
                    let base = format!("rtsp://127.0.0.1:{port}/live/");
                    let head = "Content-Type: application/sdp\r\n";
                    (
                        format!("{head}Content-Base: {base}\r\nContent-Length: {}\r\n", body.len()),
                        body,
                    )
                }
                "SETUP" => {
                    let how = "RTP/AVP/TCP;unicast;interleaved=0-1";
                    (format!("Transport: {how}\r\nSession: 7\r\n"), "")
                }
                _ => ("Session: 7\r\n".to_owned(), ""),
            };
            let answer = format!("RTSP/1.0 200 OK\r\nCSeq: {number}\r\n{more}\r\n{body}");
            if stream.get_mut().write_all(answer.as_bytes()).is_err() || method == "TEARDOWN" {
                break;
            }
            if method == "PLAY" {
                send_rtp(stream.get_mut(), bytes, seconds);
                drop(stream);
                thread::sleep(AWAY);
                break;
            }
        }
    }
}

/// Sends seven packets of a transport stream in each of RTP, at its own pace.
fn send_rtp(stream: &mut TcpStream, bytes: &[u8], seconds: u64) {
    let parts: Vec<&[u8]> = bytes.chunks(7 * 188).collect();
    let pause = Duration::from_secs(seconds) / parts.len() as u32;
    for (number, part) in parts.iter().enumerate() {
        let number = number as u16;
        let mut packet = vec![b'$', 0];
        packet.extend((part.len() as u16 + 12).to_be_bytes());
        packet.extend([0x80, 33]);
        packet.extend(number.to_be_bytes());
        packet.extend((u32::from(number) * 3000).to_be_bytes());
        packet.extend([1, 2, 3, 4]);
        packet.extend(*part);
        if stream.write_all(&packet).is_err() {
            return;
        }
        thread::sleep(pause);
    }
}

#[test]
fn an_ip_camera_is_watched_by_rtsp() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("live.ts");
    let pictures = [driver("asleep", 5, 5), driver("asleep", 11, 5)].concat();
    let film: Film =
        pictures.into_iter().enumerate().map(|(at, image)| (at as i64, image)).collect();
    let how = How { codec: Id::MPEG4, format: Some("mpegts"), ..How::new(FPS as i32) };
    assert!(write_as(&path, how, &[&film]));
    let bytes = std::fs::read(path).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || serve_rtsp(&listener, &bytes, 10));
    let watch = Watch::start(&format!("rtsp://127.0.0.1:{port}/live"));
    let alarm = watch.wait("the alarm", |line| line["level"] == "critical");
    assert!(alarm["why"].as_str().unwrap().contains("eyes closed"), "{alarm}");
    watch.wait("the loss", |line| line["state"] == "camera_lost");
    let (summary, _) = watch.end();
    assert!(summary["frames_with_face"].as_u64().unwrap() > 5 * FPS, "{summary}");
}

#[test]
fn what_is_no_camera_of_the_local_network_is_refused() {
    let told = |source: &str| {
        let program = env!("CARGO_BIN_EXE_wakewatch");
        let mut command = Command::new(program);
        command.args(["watch", "--headless", "--silent", "--source", source]);
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.stdout.is_empty(), "{source}");
        (output.status.code().unwrap(), stderr)
    };
    let answering = |answer: &'static str| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                request(&mut stream);
                let _ = stream.get_mut().write_all(answer.as_bytes());
            }
        });
        format!("127.0.0.1:{port}")
    };
    let elsewhere = answering("HTTP/1.0 302 Found\r\nLocation: http://example.org/\r\n\r\n");
    let rtsp = answering("RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: rtsp://8.8.8.8/\r\n\r\n");
    let secret = answering("HTTP/1.0 401 Unauthorized\r\n\r\n");
    let page =
        answering("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>hello</html>\r\n");
    let list = answering("HTTP/1.0 200 OK\r\n\r\n#EXTM3U\n#EXTINF:1,\nhttp://8.8.8.8/a.ts\n");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for (source, words) in [
        ("http://8.8.8.8/video".to_owned(), "not in the local network"),
        ("rtsp://[2001:4860::8888]/live".into(), "not in the local network"),
        (format!("http://{elsewhere}/"), "another address"),
        (format!("rtsp://{rtsp}/"), "another address"),
        (format!("http://{secret}/"), "NAME:PASSWORD"),
        (format!("http://{page}/"), "no video"),
        (format!("http://{list}/"), "no video"),
        (format!("http://{free}/"), "refused"),
    ] {
        let (code, stderr) = told(&source);
        assert_eq!(code, 1, "{source}: {stderr}");
        assert!(stderr.contains(words), "{source}: {stderr}");
        assert!(!stderr.trim_end().contains('\n'), "one sentence: {stderr}");
    }
    // A wrong use is answered as every other, with the way to the help.
    let (code, stderr) = told("https://127.0.0.1/");
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("write rtsp:// or http://"), "{stderr}");
}
