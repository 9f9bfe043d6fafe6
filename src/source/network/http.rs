//! As much HTTP as a camera needs: one request, no other place, and the body as it comes.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use base64::Engine;

use super::{OPENING, READING, address::Address};
use crate::os::decoded;

/// Longest head of an answer, bytes.
const MOST_HEAD: u64 = 64 << 10;

/// What a server sends after the head of its answer.
pub(super) type Body = BufReader<TcpStream>;

/// Asks for the stream of a camera.
pub(super) fn get(address: &Address, server: SocketAddr) -> Result<Body, String> {
    // `%40` in a name or password is `@`.
    let user = address.user.as_deref().map(|user| decoded(user.as_bytes(), b"%")).map(|user| {
        let code = base64::engine::general_purpose::STANDARD.encode(user);
        format!("Authorization: Basic {code}\r\n")
    });
    // The older version has no answers in pieces.
    let request = format!(
        "GET {} HTTP/1.0\r\nHost: {}\r\n{}User-Agent: wakewatch\r\n\r\n",
        address.path,
        address.named(),
        user.unwrap_or_default()
    );
    let (code, body) = ask(server, &request)?;
    match code {
        200 => Ok(body),
        301..=399 => Err("it sends us to another address; name that one".into()),
        401 | 403 => Err("it wants a name and password; write http://NAME:PASSWORD@ADDRESS".into()),
        404 => Err(format!("it has nothing at {}", address.path)),
        code => Err(format!("it answers with error {code}")),
    }
}

/// Refuses an RTSP server that sends its clients to another address: ffmpeg would follow.
pub(super) fn not_elsewhere(address: &Address, server: SocketAddr) -> Result<(), String> {
    let url = format!("rtsp://{server}{}", address.path);
    let request = format!("DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    match ask(server, &request)?.0 {
        301..=399 => Err("it sends us to another address; name that one".into()),
        _ => Ok(()),
    }
}

/// Sends a request; gives the code of the answer, and what follows its head.
fn ask(server: SocketAddr, request: &str) -> Result<(u16, Body), String> {
    let said = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect_timeout(&server, OPENING).map_err(said)?;
    stream.set_read_timeout(Some(OPENING)).map_err(said)?;
    stream.set_write_timeout(Some(READING)).map_err(said)?;
    stream.write_all(request.as_bytes()).map_err(said)?;
    let mut body = BufReader::new(stream);
    let mut head = (&mut body).take(MOST_HEAD);
    let (mut line, mut code) = (Vec::new(), None);
    loop {
        line.clear();
        head.read_until(b'\n', &mut line).map_err(said)?;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if code.is_none() {
            let answer = text.split_whitespace().nth(1).and_then(|code| code.parse().ok());
            code = Some(answer.ok_or("what answers there is no camera")?);
        }
        if text.is_empty() {
            break;
        }
    }
    body.get_ref().set_read_timeout(Some(READING)).map_err(said)?;
    Ok((code.unwrap_or_default(), body))
}
