"""The curves of growth, in words and as an SVG file."""

import math
import statistics

COLOURS = ["#3b82d6", "#d9822b", "#2f9e5a", "#999999", "#c2459a", "#8a63d2", "#8a63d2", "#8a63d2"]
DASHES = ["", "", "", "", "", "", "5 3", "1.5 3"]
WIDE, HIGH, LEFT, TOP, COLUMNS = 190, 130, 44, 74, 4
STYLE = """<style>
text{font:11px system-ui,sans-serif;fill:#333}.t{font-weight:600;font-size:12px}.h{font-weight:600;font-size:15px}
.s{font-size:9.5px;fill:#777}.g{stroke:#8883;fill:none}.l{stroke:#8888;fill:none;stroke-dasharray:2 3}.c{fill:none;stroke-width:1.6;stroke-linejoin:round}.b{fill:#fff}
@media (prefers-color-scheme:dark){text{fill:#ddd}.s{fill:#999}.b{fill:#16181c}}
</style>"""


def judge(by_size):
    """The exponents of what grows, and the words for them."""
    words, exponents = [], {}
    for key, name in (("ms", "time"), ("programs", "programs"), ("bytes", "bytes"), ("MB", "memory")):
        points = [(math.log(size), math.log(row[key])) for size, row in by_size.items() if row.get(key)]
        points = points[-max(2, (len(points) + 1) // 2):]
        if len(points) > 1:
            middle = [statistics.mean(axis) for axis in zip(*points)]
            slope = sum((x - middle[0]) * (y - middle[1]) for x, y in points)
            slope /= sum((x - middle[0]) ** 2 for x, _ in points)
            exponents[key] = round(slope, 2)
            if slope > 0.25 and points[-1][1] - points[0][1] > math.log(1.5):
                kind = "below linear" if slope < 0.75 else "linear" if slope <= 1.25 else "worse"
                words.append(f"{name} {kind} {slope:.1f}")
    return ", ".join(words) or "flat", exponents


def plot(growth, machine):
    """A panel for each verb, a curve for each thing that grows, both axes logarithmic. `growth` is a map from the thing
    to the verb, the size, and the measured, whose `cpu` is drawn: other work on the machine hardly changes it."""
    verbs = list(dict.fromkeys(verb for labels in growth.values() for verb in labels))
    points = [(size, row["cpu"]) for labels in growth.values() for by_size in labels.values()
              for size, row in by_size.items() if row["cpu"]]
    if not points:
        return "<svg xmlns='http://www.w3.org/2000/svg'/>"
    left = math.floor(math.log10(min(size for size, _ in points)))
    right = max(left + 1, math.ceil(math.log10(max(size for size, _ in points)) - 1e-9))
    low = math.floor(math.log10(min(ms for _, ms in points)))
    high = max(low + 1, math.ceil(math.log10(max(ms for _, ms in points))))
    step_x, step_y = WIDE + LEFT + 8, HIGH + 52
    width, height = COLUMNS * step_x + 12, TOP + math.ceil(len(verbs) / COLUMNS) * step_y + 4
    out = [f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' role='img'>",
           "<title>Processor time of each verb as one thing grows</title>", STYLE,
           f"<rect class='b' width='{width}' height='{height}'/>",
           "<text class='h' x='12' y='24'>Processor time of each verb, git's included, as one thing grows</text>",
           f"<text class='s' x='{width - 12}' y='24' text-anchor='end'>{machine['date']}, git {machine['git']}, "
           f"{machine['processors']} processors</text>"]
    x = 12
    decade, linear = WIDE / (right - left), HIGH / (high - low) / (WIDE / (right - left))
    for n, dimension in enumerate(growth):
        out.append(f"<path class='c' stroke='{COLOURS[n]}' stroke-dasharray='{DASHES[n]}' d='M{x} 44h22'/>"
                   f"<text x='{x + 27}' y='48'>{dimension}</text>")
        x += 50 + 7 * len(dimension)
    out.append(f"<path class='l' d='M{x} 44h22'/><text x='{x + 27}' y='48'>linear</text>")
    for n, verb in enumerate(verbs):
        out.append(f"<g transform='translate({n % COLUMNS * step_x + LEFT} {TOP + n // COLUMNS * step_y})'>"
                   f"<text class='t' x='0' y='6'>{verb}</text><g transform='translate(0 14)'>")
        grid = "".join(f"M0 {HIGH - (k - low) * HIGH / (high - low):.0f}h{WIDE}" for k in range(low, high + 1))
        grid += "".join(f"M{(k - left) * decade:.0f} 0v{HIGH}" for k in range(left, right + 1))
        out.append(f"<path class='g' d='{grid}'/>")
        for k in range(low, high + 1):
            name = f"{10 ** k} ms" if k < 3 else f"{10 ** (k - 3)} s"
            y = HIGH - (k - low) * HIGH / (high - low) + 3
            out.append(f"<text class='s' x='-4' y='{y:.0f}' text-anchor='end'>{name}</text>")
        for k in range(left, right + 1):
            name = f"{10 ** k}" if k < 3 else f"{10 ** (k - 3)}k"
            x = (k - left) * decade
            out.append(f"<text class='s' x='{x:.0f}' y='{HIGH + 12}' text-anchor='middle'>{name}</text>")
        first = True
        for m, labels in enumerate(growth.values()):
            dots = [((math.log10(size) - left) * decade, HIGH - (math.log10(row["cpu"]) - low) * HIGH / (high - low))
                    for size, row in labels.get(verb, {}).items() if row["cpu"]]
            if dots and first:
                (x, y), first = dots[0], False
                far = min(WIDE - x, y / linear)  # what takes as many times longer as there is more ends there
                out.append(f"<path class='l' d='M{x:.0f} {y:.1f}L{x + far:.0f} {y - far * linear:.1f}'/>")
            if dots:
                dash = f" stroke-dasharray='{DASHES[m]}'" if DASHES[m] else ""
                line = "L".join(f"{x:.0f} {y:.1f}" for x, y in dots)
                out.append(f"<path class='c' stroke='{COLOURS[m]}'{dash} d='M{line}'/>")
        out.append("</g></g>")
    return "\n".join([*out, "</svg>", ""])
