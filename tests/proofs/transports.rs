//! The life of a task over every way to a remote.

use crate::support::{Answer, Proof, Repo, Rounds, Server, World, program, skipped, wait_for};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

/// A program that serves `origin` until it is dropped.
struct Daemon(Child);

impl Daemon {
    /// Starts it, and waits until somebody listens there.
    fn start(mut command: Command, port: u16) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let daemon = Self(child);
        wait_for("the server listens", || TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string()));
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Two people make, take, hand over and finish tasks, at once where they can.
fn live(proof: &mut Proof, world: &World, people: &[Repo; 2]) {
    let [ann, bob] = people;
    let line = |repo: &Repo, line: &str| repo.aitask(&line.split(' ').collect::<Vec<_>>());
    let id = line(ann, "new Job --json").ok().json()["task"]["id"].as_str().unwrap().to_owned();
    let runs = [ann.start(&["pick", &id, "--json"]), bob.start(&["pick", &id, "--json"])];
    let runs = runs.map(crate::support::Running::wait);
    let winners: Vec<_> = runs.iter().enumerate().filter(|(_, run)| run.code == 0).collect();
    let said = || format!("{}\n{}", runs[0], runs[1]);
    proof.check(winners.len() == 1, || format!("{} hold it\n{}", winners.len(), said()));
    let Some((winner, run)) = winners.first() else { return };
    let (holder, other) = (&people[*winner], &people[1 - *winner]);
    proof.check(runs[1 - *winner].code == 1 && super::kind(&runs[1 - *winner]) == "held", said);
    let folder = run.json()["worktree"]["path"].as_str().unwrap().to_owned();
    let there = holder.at(&folder);
    there.write(&format!("work/{id}"), "half\n");
    there.commit("half of it");
    line(holder, &format!("drop {id}")).ok();
    let picked = line(other, &format!("pick {id} --json")).ok().json();
    let there = other.at(picked["worktree"]["path"].as_str().unwrap());
    proof.check(there.read(&format!("work/{id}")) == "half\n", || "the work was not handed over".into());
    there.write(&format!("work/{id}"), "done\n");
    there.commit("the rest");
    line(other, &format!("finish {id}")).ok();
    let landed = world.remote_file("main", &format!("work/{id}"));
    proof.check(landed.as_deref() == Some("done\n"), || format!("on main: {landed:?}"));
    proof.check(world.locks().is_empty(), || format!("locks: {:?}", world.locks()));
    line(holder, "sync").ok();
    let shown = line(holder, &format!("show {id} --json")).ok().json();
    proof.check(shown["task"]["archived"] == true, || format!("{shown}"));
    proof.tried(1);
}

/// Lets two clones live over what `serve` makes; `None` where a program is missing.
fn prove<S>(row: &'static str, property: &'static str, serve: impl FnOnce(&World, &[Repo; 2]) -> Result<S, String>) {
    let world = World::new();
    let people = [world.initialised("ann"), world.clone("bob")];
    let serving = match serve(&world, &people) {
        Ok(serving) => serving,
        Err(missing) => return skipped(property, &missing),
    };
    let mut proof = Proof::new(row, property, "lives of a task", Rounds { ordinary: 1, short: 1, long: 25 });
    while proof.next_round().is_some() {
        live(&mut proof, &world, &people);
    }
    drop(serving);
    proof.end();
}

fn all_have(people: &[Repo; 2], url: &str) {
    for repo in people {
        repo.git(&["config", "remote.origin.url", url]);
    }
}

#[test]
fn over_a_file_url() {
    prove("10a", "A task lives over file://", |world, people| {
        all_have(people, &format!("file://{}", world.origin().display()));
        Ok(())
    });
}

#[test]
fn over_the_daemon_of_git() {
    prove("10b", "A task lives over git://", |world, people| {
        let server = Server::daemon(world, &["--enable=receive-pack"], |_| Answer::Git);
        for repo in people {
            server.serves(repo, "git");
        }
        Ok(server)
    });
}

#[test]
fn over_http_with_a_password() {
    prove("10c", "A task lives over HTTP with a password", |world, people| {
        let server =
            Server::http(
                world,
                |request| {
                    if request.with_credentials { Answer::Git } else { Answer::Says(401, "who are you?") }
                },
            );
        for repo in people {
            server.serves(repo, "http");
        }
        Ok(server)
    });
}

#[test]
fn over_ssh() {
    prove("10d", "A task lives over ssh", |world, people| {
        let (sshd, keygen) = (
            program("sshd").or_else(|_| which::which("/usr/sbin/sshd").map_err(|e| e.to_string()))?,
            program("ssh-keygen")?,
        );
        let root = world.root();
        for key in ["host", "user"] {
            let file = root.join(key);
            let made = Command::new(&keygen).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status();
            assert!(made.unwrap().success());
        }
        std::fs::copy(root.join("user.pub"), root.join("authorized")).unwrap();
        let port = free_port();
        let path = std::env::var("PATH").unwrap_or_default();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host\nAuthorizedKeysFile {0}/authorized\nPidFile none\n\
             StrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nSetEnv PATH={path}\n",
            root.display()
        );
        std::fs::write(root.join("sshd.conf"), config).unwrap();
        // where sshd looks for it whoever starts it
        let _ = std::fs::create_dir_all("/run/sshd");
        let mut command = Command::new(sshd);
        command.arg("-D").arg("-f").arg(root.join("sshd.conf"));
        let daemon = Daemon::start(command, port);
        let user = std::env::var("USER").unwrap_or_else(|_| "root".into());
        all_have(people, &format!("ssh://{user}@127.0.0.1:{port}{}", world.origin().display()));
        for repo in people {
            let ssh = format!(
                "ssh -i {0}/user -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile={0}/known -F none",
                root.display()
            );
            repo.git(&["config", "core.sshCommand", &ssh]);
        }
        Ok(daemon)
    });
}

#[test]
fn over_the_daemon_of_jgit() {
    prove("10e", "A task lives over JGit's daemon", |world, people| {
        let java = program("java")?;
        if !std::path::Path::new("/usr/share/java/org.eclipse.jgit.pgm.jar").exists() {
            return Err("jgit-cli is not installed".into());
        }
        let port = free_port();
        let mut command = Command::new(java);
        command.args(["-cp", "/usr/share/java/*", "org.eclipse.jgit.pgm.Main", "daemon", "--listen", "127.0.0.1"]);
        command.args(["--port", &port.to_string(), "--enable", "receive-pack", "--export-all"]).arg(world.root());
        let daemon = Daemon::start(command, port);
        all_have(people, &format!("git://127.0.0.1:{port}/origin.git"));
        Ok(daemon)
    });
}

#[test]
fn over_the_server_of_dulwich() {
    prove("10f", "A task lives over dulwich's server", |world, people| {
        let python = program("python3")?;
        let has_it = Command::new(&python).args(["-c", "import dulwich"]).stderr(Stdio::null()).status().unwrap();
        if !has_it.success() {
            return Err("dulwich is not installed".into());
        }
        let port = free_port();
        let mut command = Command::new(python);
        command.args(["-m", "dulwich", "daemon", "-l", "127.0.0.1", "-p", &port.to_string()]).arg(world.origin());
        let daemon = Daemon::start(command, port);
        all_have(people, &format!("git://127.0.0.1:{port}{}", world.origin().display()));
        Ok(daemon)
    });
}

#[test]
fn on_a_server_without_atomic_push() {
    prove("10g", "A task lives on a server without atomic push", |world, _| {
        world.git(&["--git-dir=origin.git", "config", "receive.advertiseAtomic", "false"]);
        Ok(())
    });
}

#[test]
fn without_a_remote() {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.git(&["remote", "remove", "origin"]);
    ann.git(&["config", "aitask.remote", "."]);
    ann.aitask(&["init"]).ok();
    let property = "A task lives without a remote";
    let mut proof = Proof::new("10h", property, "lives of a task", Rounds { ordinary: 1, short: 1, long: 25 });
    while proof.next_round().is_some() {
        let id = ann.aitask(&["new", "Job", "--json"]).ok().json()["task"]["id"].as_str().unwrap().to_owned();
        let picked = ann.aitask(&["pick", &id, "--json"]).ok().json();
        let there = ann.at(picked["worktree"]["path"].as_str().unwrap());
        there.write(&format!("work/{id}"), "done\n");
        there.commit("work");
        there.aitask(&["finish"]).ok();
        proof.check(ann.git(&["show", &format!("main:work/{id}")]) == "done\n", || "it has not landed".into());
        proof.tried(1);
    }
    proof.end();
}
