//! `git aitask status --watch`: the page, drawn again when something has changed.

use crate::cli::app::App;
use crate::cli::overview::page;
use crate::error::{Error, Kind, Result};
use crate::git::Freshness;
use crate::git::refs_state::RefsState;
use crate::interrupt;
use crate::ops::status;
use crate::report::{Screen, activity};
use crate::settings::Effect;
use crate::waiting;
use std::time::{Duration, Instant};

/// How often refs are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often the page is drawn where no ref moves: it shows ages in minutes, and uncommitted work, which moves no ref.
const DRAW_EVERY: Duration = Duration::from_secs(30);

/// How often the remote is asked, where that is wanted: often enough to see what others take, and seldom enough for a
/// server that many watch.
const FETCH_EVERY: Duration = Duration::from_secs(30);

/// Draws until the user ends it.
///
/// # Errors
/// [`Kind::Usage`] without a terminal, or in JSON; those of the first page, and of every later one but for a fetch.
pub(super) fn watch(app: &App, fetch: bool) -> Result<()> {
    let without_terminal = || {
        Error::new(Kind::Usage, "--watch draws on a terminal, and goes neither with --json nor with TERM=dumb")
            .hint("git aitask status")
    };
    if app.report.json || app.environment.text("TERM") == Some("dumb") {
        return Err(without_terminal());
    }
    // What is told meanwhile would be in the middle of the page.
    activity::hide_activities();
    let app = app.silent();
    let mut screen = None;
    let mut fetched: Option<Instant> = None;
    loop {
        // Each round may wait as long as a command of its own.
        waiting::start_again();
        let context = app.open(Effect::DryRun)?;
        let state = RefsState::look(&context.repository);
        let is_due = || fetch && fetched.is_none_or(|fetched| fetched.elapsed() >= FETCH_EVERY);
        let screen = match &mut screen {
            Some(screen) => screen,
            none => none.insert(Screen::open(app.report).ok_or_else(without_terminal)?),
        };
        let failed = if is_due() {
            let failed = status::status(&context, Freshness::Fetched).err();
            fetched = Some(Instant::now());
            failed
        } else {
            None
        };
        if interrupt::is_wanted() {
            return Ok(());
        }
        let outcome = status::status(&context, Freshness::AsKnown)?;
        let is_set_up = context.is_initialised()?;
        let shown = page(&outcome, &outcome.next_step(&context, is_set_up), is_set_up, true);
        let shown = failed.iter().fold(shown, |page, error| page.warning(format!("not fetched: {error}")));
        let now = jiff::ZonedDateTime::now().strftime("%H:%M:%S");
        screen.draw(&format!("git aitask status at {now}; q ends it"), &shown);
        let (drawn, mut looked) = (Instant::now(), Instant::now());
        while !screen.is_resized()
            && drawn.elapsed() < DRAW_EVERY
            && !(fetch && fetched.is_some_and(|it| it.elapsed() >= FETCH_EVERY))
        {
            if interrupt::is_wanted() || screen.is_ended() {
                return Ok(());
            }
            if looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                if RefsState::look(&context.repository) != state {
                    break;
                }
            }
        }
    }
}
