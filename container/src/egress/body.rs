//! The body of a plain request, and nothing after it: a second request on the same connection would be answered by a server
//! that nobody has checked it for.

use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};

/// How long the body of a request is (RFC 9112, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    Length(u64),
    Chunked,
}

/// Bytes of a line that says how long a chunk is, or of a trailer.
const MAX_LINE: usize = 8 * 1_024;

impl Body {
    /// What the header fields say. `None` where two readers could understand them in two ways.
    pub fn of(headers: &[String]) -> Option<Self> {
        let values = |wanted: &str| {
            let fields = headers.iter().filter_map(|header| header.split_once(':'));
            fields
                .filter(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.trim())
                .collect::<Vec<_>>()
        };
        match (&values("content-length")[..], &values("transfer-encoding")[..]) {
            ([], []) => Some(Self::Length(0)),
            ([length], []) if length.bytes().all(|byte| byte.is_ascii_digit()) => length.parse().ok().map(Self::Length),
            ([], [coding]) if coding.eq_ignore_ascii_case("chunked") => Some(Self::Chunked),
            _ => None,
        }
    }

    /// Passes the body on.
    pub async fn pass(
        self,
        from: &mut (impl AsyncBufRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<()> {
        match self {
            Self::Length(length) => pass_bytes(from, to, length).await?,
            Self::Chunked => pass_chunks(from, to).await?,
        }
        to.flush().await
    }
}

async fn pass_bytes(
    from: &mut (impl AsyncBufRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut left: u64,
) -> io::Result<()> {
    while left > 0 {
        let bytes = from.fill_buf().await?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        to.write_all(&bytes[..length]).await?;
        from.consume(length);
        left -= length as u64;
    }
    Ok(())
}

/// Each chunk is a line with its length, and then so many bytes and the end of a line. Lines follow the last one, which has
/// no bytes, until an empty one.
async fn pass_chunks(from: &mut (impl AsyncBufRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    loop {
        let line = read_line(from).await?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        let length = u64::from_str_radix(digits, 16).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        to.write_all(format!("{line}\r\n").as_bytes()).await?;
        if length == 0 {
            break;
        }
        pass_bytes(from, to, length).await?;
        if !read_line(from).await?.is_empty() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        to.write_all(b"\r\n").await?;
    }
    loop {
        let line = read_line(from).await?;
        to.write_all(format!("{line}\r\n").as_bytes()).await?;
        if line.is_empty() {
            return Ok(());
        }
    }
}

/// A line of visible ASCII, without its end.
async fn read_line(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<String> {
    let mut line = Vec::new();
    loop {
        let bytes = from.fill_buf().await?;
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let length = end.map_or(bytes.len(), |end| end + 1);
        if length == 0 || line.len() + length > MAX_LINE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        line.extend_from_slice(&bytes[..length]);
        from.consume(length);
        if end.is_some() {
            break;
        }
    }
    let text = line.strip_suffix(b"\r\n").filter(|text| text.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t')));
    text.map(|text| String::from_utf8_lossy(text).into_owned()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::BufReader;

    fn headers(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn a_length_that_two_readers_understand_differently_is_refused() {
        assert_eq!(Body::of(&headers(&["Accept: */*"])), Some(Body::Length(0)));
        assert_eq!(Body::of(&headers(&["content-length: 12"])), Some(Body::Length(12)));
        assert_eq!(Body::of(&headers(&["Transfer-Encoding: Chunked"])), Some(Body::Chunked));
        for wrong in [
            &["Content-Length: 1", "Content-Length: 1"][..],
            &["Content-Length: 1", "Transfer-Encoding: chunked"],
            &["Content-Length: +1"],
            &["Content-Length: 1, 1"],
            &["Transfer-Encoding: gzip, chunked"],
        ] {
            assert_eq!(Body::of(&headers(wrong)), None, "{wrong:?}");
        }
    }

    async fn passed(body: Body, from: &[u8]) -> (io::Result<()>, String, String) {
        let (mut from, mut to) = (BufReader::with_capacity(3, from), Vec::new());
        let result = body.pass(&mut from, &mut to).await;
        let mut rest = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut from, &mut rest).await.unwrap();
        (result, String::from_utf8(to).unwrap(), rest)
    }

    #[tokio::test]
    async fn a_second_request_rode_on_the_permission_of_the_first() {
        let second = "GET /tokens HTTP/1.1\r\nHost: other\r\n\r\n";
        for (body, text) in [
            (Body::Length(0), ""),
            (Body::Length(5), "hello"),
            (Body::Chunked, "5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n"),
            (Body::Chunked, "0\r\n\r\n"),
        ] {
            let (result, to, rest) = passed(body, format!("{text}{second}").as_bytes()).await;
            result.unwrap();
            assert_eq!((to.as_str(), rest.as_str()), (text, second));
        }
        for wrong in ["5\r\nhello!\r\n0\r\n\r\n", "x\r\n", "5\nhello\r\n0\r\n\r\n", "-1\r\n", "5\r\nhel"] {
            assert!(passed(Body::Chunked, wrong.as_bytes()).await.0.is_err(), "{wrong:?}");
        }
    }
}
