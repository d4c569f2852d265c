//! Servers of our own, on ports that the kernel chooses: git over HTTP, git's daemon, and what stands before them.

use super::{Repo, World};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A server that answers until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
}

/// A request over HTTP, as far as a rule looks at it.
pub(crate) struct Request {
    /// `GET /origin.git/info/refs?service=git-receive-pack`.
    pub(crate) line: String,
    /// Whether it has credentials.
    pub(crate) with_credentials: bool,
}

/// What a rule says to a request: a status and words, nothing at all, or that git answers.
pub(crate) enum Answer {
    Git,
    Says(u16, &'static str),
    Closes,
}

/// Where the next push over [`Server::cutting`] ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// When the pack has arrived, before anything of the report.
    AfterPack = 1,
    /// Before the last bytes of the report.
    AfterReport = 2,
}

impl Server {
    fn start(handle: impl Fn(TcpStream, &Mutex<Vec<String>>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, stop, asked) = (listener.local_addr().unwrap(), Arc::<AtomicBool>::default(), Arc::default());
        let server = Self { address, stop: Arc::clone(&stop), asked: Arc::clone(&asked) };
        let handle = Arc::new(handle);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let (Ok(stream), handle, asked) = (stream, Arc::clone(&handle), Arc::clone(&asked)) else { continue };
                std::thread::spawn(move || handle(stream, &asked));
            }
        });
        server
    }

    /// git over HTTP, with a rule before it.
    pub(crate) fn http(world: &World, rule: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        world.git(&["--git-dir=origin.git", "config", "http.receivepack", "true"]);
        let (git, root) = (world.real_git(), world.root().to_owned());
        Self::start(move |stream, asked| {
            let mut backend = Command::new(&git);
            backend.arg("http-backend").env("GIT_PROJECT_ROOT", &root).env("GIT_HTTP_EXPORT_ALL", "1");
            // The client may go away; that is no matter of the test.
            let _ = answer(stream, asked, &rule, backend);
        })
    }

    /// git's daemon, with a rule before it that is told the service: `git-receive-pack`. A rule that says something is not
    /// heard: the connection ends.
    pub(crate) fn daemon(
        world: &World,
        options: &[&str],
        rule: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let (git, root) = (world.real_git(), world.root().to_owned());
        let options: Vec<_> = options.iter().map(ToString::to_string).collect();
        Self::start(move |stream, asked| {
            let mut first = [0; 30];
            let service = || {
                while stream.peek(&mut first)? < first.len() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Ok::<_, std::io::Error>(String::from_utf8_lossy(&first[4..]).split(' ').next().unwrap().to_owned())
            };
            let Ok(service) = { service }() else { return };
            asked.lock().unwrap().push(service.clone());
            match rule(&service) {
                Answer::Git => {
                    let fd = OwnedFd::from(stream);
                    let mut daemon = Command::new(&git);
                    daemon.args(["daemon", "--inetd", "--export-all"]).args(&options);
                    daemon.arg(format!("--base-path={}", root.display()));
                    daemon.stdin(fd.try_clone().unwrap()).stdout(fd).stderr(Stdio::null()).status().unwrap();
                }
                Answer::Says(..) => {
                    let mut stream = stream;
                    let _ = stream.read(&mut [0; 1000]);
                }
                // What was not read makes the kernel reset the connection.
                Answer::Closes => {}
            }
        })
    }

    /// git's daemon, behind something that ends the connection of the next push as `cut` says, once; 0 is never.
    pub(crate) fn cutting(world: &World, cut: Arc<AtomicU8>) -> Self {
        let (git, root) = (world.real_git(), world.root().to_owned());
        Self::start(move |stream, _| {
            let mut daemon = Command::new(&git);
            daemon.args(["daemon", "--inetd", "--export-all", "--enable=receive-pack"]);
            daemon.arg(format!("--base-path={}", root.display()));
            // The client may go away; that is no matter of the test.
            let _ = relay(&stream, daemon, &cut);
            let _ = stream.shutdown(std::net::Shutdown::Both);
        })
    }

    /// Lets a clone reach `origin` through this server, with credentials where they are asked for.
    pub(crate) fn serves(&self, repo: &Repo, scheme: &str) {
        let user = if scheme == "http" { "bob:secret@" } else { "" };
        repo.git(&["config", "remote.origin.url", &format!("{scheme}://{user}{}/origin.git", self.address)]);
    }

    /// What was asked since the last call, as far as it has these words.
    pub(crate) fn asked(&self, words: &str) -> usize {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.iter().filter(|line| line.contains(words)).count()
    }
}

/// Passes on what both sides say, until a push that has a pack comes to the place where `cut` ends it.
fn relay(stream: &TcpStream, mut daemon: Command, cut: &AtomicU8) -> std::io::Result<()> {
    let mut child = daemon.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let has_pack = Arc::new(AtomicBool::new(false));
    let (mut from, noted) = (stream.try_clone()?, Arc::clone(&has_pack));
    let up = std::thread::spawn(move || {
        let mut bytes = [0; 8192];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if bytes[..count].windows(4).any(|word| word == b"PACK") {
                noted.store(true, Ordering::SeqCst);
            }
            if input.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
    });
    let (mut to, mut bytes, mut kept) = (stream, [0; 8192], Vec::new());
    let mut mode = 0;
    while let Ok(count @ 1..) = output.read(&mut bytes) {
        if has_pack.load(Ordering::SeqCst) && mode == 0 {
            mode = cut.swap(0, Ordering::SeqCst);
        }
        if mode == Cut::AfterPack as u8 {
            break;
        }
        kept.extend_from_slice(&bytes[..count]);
        let keep = if mode == 0 { 0 } else { kept.len().min(8) };
        to.write_all(&kept[..kept.len() - keep])?;
        kept.drain(..kept.len() - keep);
    }
    stream.shutdown(std::net::Shutdown::Both)?;
    let _ = up.join();
    // what is left of the report has to go somewhere, or its writer is stopped by a signal before it moves the refs
    let _ = output.read_to_end(&mut kept);
    child.wait().map(drop)
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn answer(
    stream: TcpStream,
    asked: &Mutex<Vec<String>>,
    rule: &dyn Fn(&Request) -> Answer,
    mut backend: Command,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        let mut fields = head.iter().filter_map(|line| line.split_once(": "));
        fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let mut body = vec![0; header("Content-Length").and_then(|text| text.parse().ok()).unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let line = head.first().and_then(|line| line.rsplit_once(' ')).map_or("", |(line, _)| line).to_owned();
    asked.lock().unwrap().push(line.clone());
    let mut stream = stream;
    match rule(&Request { line: line.clone(), with_credentials: header("Authorization").is_some() }) {
        Answer::Closes => return Ok(()),
        Answer::Says(status, words) => {
            let wants = if status == 401 { "WWW-Authenticate: Basic realm=\"git\"\r\n" } else { "" };
            return write!(
                stream,
                "HTTP/1.0 {status} No\r\n{wants}Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{words}",
                words.len()
            );
        }
        Answer::Git => {}
    }
    let (method, address) = line.split_once(' ').unwrap_or_default();
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    for (name, value) in [
        ("REQUEST_METHOD", method.to_owned()),
        ("PATH_INFO", path.to_owned()),
        ("QUERY_STRING", query.to_owned()),
        ("CONTENT_LENGTH", body.len().to_string()),
        ("CONTENT_TYPE", header("Content-Type").unwrap_or_default()),
        ("HTTP_CONTENT_ENCODING", header("Content-Encoding").unwrap_or_default()),
        ("GIT_PROTOCOL", header("Git-Protocol").unwrap_or_default()),
        ("REMOTE_USER", "bob".to_owned()),
    ] {
        backend.env(name, value);
    }
    let mut child = backend.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(&body));
    let output = child.wait_with_output()?.stdout;
    let _ = writer.join();
    let head_end = output.windows(4).position(|end| end == b"\r\n\r\n").unwrap_or(0);
    let head = String::from_utf8_lossy(&output[..head_end]).into_owned();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK");
    write!(stream, "HTTP/1.0 {status}\r\n")?;
    stream.write_all(&output)
}
