//! How fast a running server answers what a page asks with each move of a slider: 3,072 eigenvalues, eight
//! samplers, 50 steps. `cargo bench -p gaussmeter-serve`

use gaussmeter_serve::Options;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

/// A connection that is kept.
struct Client {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
}

impl Client {
    fn new(host: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        Ok(Client { stream: BufReader::new(stream), host })
    }

    fn send(&mut self, path: &str, body: &str) -> Result<(), Failure> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        Ok(self.stream.get_mut().write_all(request.as_bytes())?)
    }

    /// The status, and whether all samplers could run.
    fn receive(&mut self) -> Result<(u16, bool), Failure> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).ok_or("no status")?.parse()?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            match line.trim().split_once(':') {
                None => break,
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse()?;
                }
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let reason = b"\"reason\":";
        Ok((status, !body.windows(reason.len()).any(|part| part == reason)))
    }
}

/// Times of requests, and how many there were in what time.
fn tell(what: &str, mut times: Vec<Duration>, all: Duration) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{what:<52} {:>6.2} ms p50 {:>6.2} ms p95 {:>6.1} answers/s",
        at(0.5),
        at(0.95),
        times.len() as f64 / all.as_secs_f64()
    );
}

/// A slider that moves: what is asked at each of its places.
type Slider<'a> = &'a dyn Fn(usize) -> String;

const MOVES: usize = 200;

fn sequential(host: SocketAddr, what: &str, slider: Slider) -> Result<(), Failure> {
    let mut client = Client::new(host)?;
    let mut times = Vec::with_capacity(MOVES);
    let (all, worked) = (Instant::now(), cpu());
    for k in 0..MOVES {
        let start = Instant::now();
        client.send("/api/explore", &slider(k))?;
        let (status, is_whole) = client.receive()?;
        times.push(start.elapsed());
        if status != 200 || !is_whole {
            return Err(format!("{what}: status {status}").into());
        }
    }
    tell(what, times, all.elapsed());
    if let Some((before, after)) = worked.zip(cpu()) {
        println!("{:<52} {:>6.2} ms of processor time", "", (after - before) * 1e3 / MOVES as f64);
    }
    Ok(())
}

/// Seconds of processor time that this program has taken, on Linux: they say more than the time that passes
/// where the machine is busy.
fn cpu() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    // A tick is a hundredth of a second for all programs.
    Some((ticks()? + ticks()?) / 100.0)
}

/// 60 moves a second on two connections, each taking the place of the one before: times from the last move
/// to its answer.
fn superseding(host: SocketAddr, what: &str, slider: Slider) -> Result<(), Failure> {
    let mut clients = [Client::new(host)?, Client::new(host)?];
    let mut times = Vec::new();
    let (all, mut superseded) = (Instant::now(), 0);
    for k in 0..MOVES / 2 {
        let [first, second] = &mut clients;
        first.send("/api/explore?client=bench", &slider(2 * k))?;
        std::thread::sleep(Duration::from_millis(4));
        let start = Instant::now();
        second.send("/api/explore?client=bench", &slider(2 * k + 1))?;
        superseded += usize::from(first.receive()?.0 == 409);
        let (status, _) = second.receive()?;
        times.push(start.elapsed());
        if status != 200 {
            return Err(format!("{what}: status {status}").into());
        }
    }
    tell(&format!("{what}, {superseded} of {} superseded", MOVES / 2), times, all.elapsed());
    Ok(())
}

fn main() -> Result<(), Failure> {
    let file =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/spectra/cifar10-icml2025.npy");
    let spectrum = match std::path::Path::new(file).is_file() {
        true => file,
        false => "power-law:d=3072,alpha=1.5",
    };
    let server = Options { spectra: vec![spectrum.into()], ..Options::default() }.start()?;
    let host = server.address();
    let id = given(host)?;
    let samplers = "em,ei,unipc,euler,heun,rk4,ddim,dpmpp-2m";
    let ask = |rest: &str| {
        format!(
            "{{\"spectrum\":{{\"id\":\"{id}\"}},\"sampler\":\"{samplers}\",\"steps\":50,{rest}}}"
        )
    };
    let share = |k: usize| k as f64 / MOVES as f64;
    let delta = |k: usize| format!("gain:delta={:.4}", 0.4 * share(k) - 0.2 + 1e-4);
    let eps = |k: usize| 10f64.powf(-5.0 + 3.0 * share(k));
    let sliders: [(&str, Slider); 8] = [
        ("uniform, eps", &|k| ask(&format!("\"eps\":{}", eps(k)))),
        ("uniform, eps, detail of heun", &|k| {
            ask(&format!("\"detail\":\"heun\",\"eps\":{}", eps(k)))
        }),
        ("uniform, network error", &|k| ask(&format!("\"network\":\"{}\"", delta(k)))),
        ("karras on edm, network error", &|k| {
            ask(&format!("\"process\":\"edm\",\"grid\":\"karras\",\"network\":\"{}\"", delta(k)))
        }),
        ("geodesic, network error", &|k| {
            ask(&format!("\"grid\":\"geodesic:final=sigma_min\",\"network\":\"{}\"", delta(k)))
        }),
        ("fisher-rao on edm, steps", &|k| {
            let text = ask("\"process\":\"edm\",\"grid\":\"fisher-rao:final=sigma_min\"");
            text.replace("\"steps\":50", &format!("\"steps\":{}", 31 + k % 20))
        }),
        ("levels given one by one", &|k| {
            let level = |i: usize| 79.0 * (1e-5f64).powf(i as f64 / 50.0) * (1.0 + 1e-3 * share(k));
            let levels: Vec<String> = (0..51).map(|i| level(i).to_string()).collect();
            ask(&format!("\"process\":\"edm\",\"grid\":[{}]", levels.join(",")))
                .replace("\"steps\":50,", "")
        }),
        // Networks with answers of their own take far longer per eigenvalue: on the summary of 167.
        ("cifar10, uniform, guidance", &|k| {
            let network = format!("guided:w={},class=white:d=3072", 1.0 + 4.0 * share(k));
            format!("{{\"sampler\":\"{samplers}\",\"steps\":50,\"network\":\"{network}\"}}")
        }),
    ];
    println!("{spectrum}, 8 samplers, 50 steps, with the steps of one sampler");
    for (what, slider) in sliders {
        sequential(host, what, slider)?;
    }
    superseding(host, "uniform, network error", sliders[2].1)
}

/// The identifier of the spectrum that the server was given.
fn given(host: SocketAddr) -> Result<String, Failure> {
    let mut stream = TcpStream::connect(host)?;
    write!(stream, "GET /api/uploads HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let id = text.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next());
    Ok(id.ok_or("no upload")?.to_string())
}
