"""Line charts as SVG, for reports that are read offline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

Points = Sequence[tuple[float, float]]
WIDTH, HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 130, 30, 40
_COLOURS = ("#1b6ca8", "#c8553d", "#3c7a3e", "#7b4b94", "#b8860b", "#444444")
_TICKS = 5
_POINTS_LIMIT = 400


def line_chart(title: str, x_name: str, lines: Mapping[str, Points]) -> str:
    """An SVG of *lines* by name in one pair of axes. Values that are not finite are skipped."""
    drawn = {name: _thinned([p for p in line if all(map(math.isfinite, p))]) for name, line in lines.items()}
    drawn = {name: line for name, line in drawn.items() if line}
    xs = [x for line in drawn.values() for x, _ in line] or [0.0]
    ys = [y for line in drawn.values() for _, y in line] or [0.0]
    across, down = _Axis(xs, _LEFT, WIDTH - _RIGHT), _Axis(ys, HEIGHT - _BOTTOM, _TOP)
    parts = [_text(_LEFT, 18, title, weight="bold"), _text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 6, x_name, "middle")]
    for y in down.ticks:
        parts.append(f'<path d="M{_LEFT} {down(y):.1f}H{WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(_text(_LEFT - 6, down(y) + 4, f"{y:.3g}", "end"))
    parts += [_text(across(x), HEIGHT - _BOTTOM + 16, f"{x:.4g}", "middle") for x in across.ticks]
    for number, (name, line) in enumerate(drawn.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = "L".join(f"{across(x):.1f} {down(y):.1f}" for x, y in line)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        parts += [
            f'<circle cx="{across(x):.1f}" cy="{down(y):.1f}" r="2" fill="{colour}"/>'
            for x, y in line
            if len(line) <= 40
        ]
        parts.append(_text(WIDTH - _RIGHT + 10, _TOP + 18 * number + 10, name, colour=colour))
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12">\n<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n'
    )


class _Axis:
    """Maps values to pixels from *first* to *last*."""

    def __init__(self, values: Sequence[float], first: float, last: float) -> None:
        self._low, high = min(values), max(values)
        self._span = (high - self._low) or 1.0
        self._first, self._length = first, last - first
        self.ticks = [self._low + self._span * number / (_TICKS - 1) for number in range(_TICKS)]

    def __call__(self, value: float) -> float:
        return self._first + self._length * (value - self._low) / self._span


def _thinned(line: Points) -> Points:
    """At most as many points as are visible, including the last one."""
    step = -(-len(line) // _POINTS_LIMIT) or 1
    return line if step == 1 else [*line[:-1:step], line[-1]]


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = "#222", weight: str = "normal") -> str:
    look = f'text-anchor="{anchor}" fill="{colour}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{escape(text)}</text>'
