//! Times relative to now.

use jiff::civil::DateTime;
use jiff::{Timestamp, ZonedDateTime};

/// How long ago a time was: `5 min ago`. The text is a timestamp (RFC 3339), or a local time as in locks and task files,
/// `YYYY-MM-DD HH:MM`. `None` for other texts, and for times in the future of this clock.
pub(crate) fn relative(text: &str) -> Option<String> {
    let since = if let Ok(then) = text.parse::<Timestamp>() {
        Timestamp::now().duration_since(then)
    } else {
        let then = DateTime::strptime("%Y-%m-%d %H:%M", text).ok()?;
        ZonedDateTime::now().datetime().duration_since(then)
    };
    ago(since.as_mins())
}

/// The local time here of a timestamp (RFC 3339), to the minute; `None` for other texts.
pub(crate) fn local_time(time: &str) -> Option<String> {
    let then = time.parse::<Timestamp>().ok()?.to_zoned_datetime(jiff::tz::TimeZone::system());
    Some(then.strftime("%Y-%m-%d %H:%M").to_string())
}

/// How old a view is, where people see it: its local time and its age; `None` for one of the last minute, which is as good
/// as the present.
pub(crate) fn as_of(time: &str) -> Option<String> {
    let then = time.parse::<Timestamp>().ok()?.to_zoned_datetime(jiff::tz::TimeZone::system());
    let now = ZonedDateTime::now();
    let ago = ago(now.timestamp().duration_since(then.timestamp()).as_mins()).filter(|ago| ago != "just now")?;
    let format = if now.date() == then.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    Some(format!("as of {} ({ago})", then.strftime(format)))
}

fn ago(minutes: i64) -> Option<String> {
    const DAY: i64 = 24 * 60;
    match minutes {
        ..-1 => None,
        -1..1 => Some("just now".to_owned()),
        1..60 => Some(format!("{minutes} min ago")),
        60..DAY => Some(format!("{} h ago", minutes / 60)),
        _ if minutes < 2 * DAY => Some("yesterday".to_owned()),
        _ => Some(format!("{} days ago", minutes / DAY)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_relative_to_now() {
        for (minutes, said) in [
            (-1, "just now"),
            (0, "just now"),
            (59, "59 min ago"),
            (60, "1 h ago"),
            (1439, "23 h ago"),
            (1440, "yesterday"),
            (2880, "2 days ago"),
        ] {
            assert_eq!(ago(minutes).as_deref(), Some(said));
        }
        assert_eq!((ago(-2), relative("unknown"), relative("2999-01-01 00:00")), (None, None, None));
        assert!(relative("2020-01-01 00:00").is_some_and(|text| text.ends_with("days ago")));
        let now = Timestamp::now();
        assert_eq!((as_of(&now.to_string()), as_of("unknown")), (None, None));
        let before = as_of("2020-01-01T12:00:00Z").unwrap();
        assert!(before.starts_with("as of 2020-01-0") && before.ends_with(" days ago)"), "{before}");
        assert!(relative("2020-01-01T00:00:00Z").is_some_and(|text| text.ends_with("days ago")));
    }
}
