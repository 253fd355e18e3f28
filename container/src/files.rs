//! The files of a job, as a jail takes them.

use crate::jail::launch::Content;
use docle_protocol::file::{NotBase64, file_bytes, text_or_base64};
use docle_protocol::{AttachedFile, RunJob, SourceFile};
use std::io;

/// What the files of a job hold.
pub fn contents(files: Vec<SourceFile>) -> io::Result<Vec<(String, Content)>> {
    let files = files.into_iter().map(|file| Ok((file.path.clone(), Content(file_bytes(file)?))));
    files.collect::<Result<_, NotBase64>>().map_err(io::Error::other)
}

/// Reads a job, whose attached files become files like the others.
///
/// # Errors
/// One sentence about what is wrong with the body.
pub fn read_job(body: &[u8]) -> Result<RunJob, String> {
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<RunJob>();
    let mut job = values.next().ok_or("the body is empty")?.map_err(|error| error.to_string())?;
    let mut rest = &body[values.byte_offset()..];
    if job.attached.is_empty() {
        rest = rest.trim_ascii();
    }
    for AttachedFile { path, size } in std::mem::take(&mut job.attached) {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let (bytes, after) = rest.split_at_checked(size).ok_or("the bytes of an attached file break off")?;
        let (content, encoding) = text_or_base64(bytes.to_vec());
        job.files.push(SourceFile { path, content, encoding });
        rest = after;
    }
    if rest.is_empty() { Ok(job) } else { Err("more bytes follow the job than its attached files have".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use docle_protocol::job::FileEncoding;
    use serde_json::json;

    /// A job with a file, as it is sent, with these attached.
    fn job(attached: &[(&str, u64)]) -> Vec<u8> {
        let attached: Vec<_> = attached.iter().map(|(path, size)| json!({ "path": path, "size": size })).collect();
        let job = json!({
            "id": "1", "language": "python", "files": [{ "path": "main.py", "content": "" }], "entrypoint": "main.py",
            "stdin": "", "args": [], "env": {}, "packages": [], "network": { "mode": "none" }, "attached": attached,
            "limits": { "timeoutMs": 1, "memoryMB": 1, "maxOutputBytes": 1 },
        });
        job.to_string().into_bytes()
    }

    #[test]
    fn bytes_after_a_job_are_its_attached_files() {
        let body = [&job(&[("a", 3), ("b", 0), ("c", 2)])[..], b"{}\n\xff\0"].concat();
        let job = read_job(&body).unwrap();
        let file =
            |path: &str, content: &str, encoding| SourceFile { path: path.into(), content: content.into(), encoding };
        assert_eq!(
            job.files[1..],
            [
                file("a", "{}\n", FileEncoding::Utf8),
                file("b", "", FileEncoding::Utf8),
                file("c", "/wA=", FileEncoding::Base64)
            ]
        );
        assert!(job.attached.is_empty());
    }

    #[test]
    fn a_body_that_is_not_as_long_as_it_says_is_refused() {
        assert!(read_job(&job(&[])).is_ok() && read_job(&[&job(&[])[..], b" \n"].concat()).is_ok());
        for (attached, rest) in
            [(&[][..], &b"x"[..]), (&[("a", 2)], b"x"), (&[("a", 2)], b"xyz"), (&[("a", u64::MAX)], b"x")]
        {
            assert!(read_job(&[&job(attached)[..], rest].concat()).is_err(), "{attached:?} {rest:?}");
        }
        assert!(read_job(b"").is_err() && read_job(b"{}").is_err());
    }
}
