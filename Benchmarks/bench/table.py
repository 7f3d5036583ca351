"""How results are shown."""

# The most that may be lost for a number of viewers to count as served.
LOSS_LIMIT = 0.001


def number(value, digits=1, factor=1.0):
    return "–" if value is None else f"{value * factor:.{digits}f}"


def aligned(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]).rstrip()
        for row in rows
    ]
    return lines[:1] + ["-" * len(lines[0])] + lines[1:]


def cost(row):
    return None if row is None else row.get("us_per_packet")


def ratio(row, other):
    mine, theirs = cost(row), cost(other)
    return "–" if not mine or not theirs else f"{mine / theirs:.2f}"


def viewers_per_core(row):
    """What one core would carry at this cost, were it busy to the last; an extrapolation."""
    each = (cost(row) or 0) * (row.get("packets_per_second") or 0)
    return f"{1e6 / each:.0f}" if each else "–"


def watching(rows, options):
    """One line for each server, number of viewers and shape."""
    header = [
        "server", "viewers", "shape", "µs/packet", "× loop", "× sigma", "loss %", "p50 ms", "p99 ms", "KiB/viewer",
        "connect ms", "core %", "load %", "~viewers/core",
    ]
    known = {(row["shape"], row["viewers"], row["server"]): row for row in rows}
    lines, notes = [header], []
    for row in rows:
        place = (row["shape"], row["viewers"])
        lines.append(
            [
                row["server"], str(row["viewers"]), row["shape"], number(cost(row), 2),
                ratio(row, known.get((*place, "loop"))), ratio(row, known.get((*place, "sigma"))),
                number(row.get("loss"), 3, 100), number(row.get("p50_ms"), 2), number(row.get("p99_ms"), 2),
                number(row.get("kib_per_viewer")), number(row.get("connect_ms")),
                number(row.get("server_core"), 0, 100), number(row.get("load_core"), 0, 100), viewers_per_core(row),
            ]
        )
        notes += notes_on(row)
    conditions = (
        f"medians of {options.rounds}; {options.srtp}, {options.bitrate / 1e6:g} Mbit/s, windows of"
        f" {options.seconds:g} s; ~viewers/core is an extrapolation of µs/packet"
    )
    return "\n".join(aligned(lines) + [""] + most_viewers(rows) + [conditions] + notes)


def notes_on(row):
    name = f"{row['server']}, {row['viewers']} viewers, {row['shape']}"
    notes = []
    if row.get("failure"):
        notes.append(f"{name}: {row['failure']}")
    if row.get("missing"):
        notes.append(f"{name}: {row['missing']:.0f} did not connect or stay; {'; '.join(row.get('errors', []))}")
    if (row.get("load_core") or 0) > 0.9 or row.get("load_dropped"):
        notes.append(f"{name}: the load tool was at its limit; its loss and latency are not the server's alone")
    return notes


def most_viewers(rows):
    """The most viewers that were measured, for each server and shape, with next to no loss."""
    best = {}
    for row in rows:
        if row.get("loss") is not None and row["loss"] < LOSS_LIMIT and not row.get("missing"):
            key = (row["shape"], row["server"])
            best[key] = max(best.get(key, 0), row["viewers"])
    lines = []
    for shape in dict.fromkeys(shape for shape, _ in best):
        found = [f"{server} {count}" for (kind, server), count in best.items() if kind == shape]
        lines.append(f"most viewers measured below {LOSS_LIMIT:.1%} loss, {shape}: {', '.join(found)}")
    return lines


def connecting(rows):
    """One line for each server and number of joins at once."""
    lines = [["server", "at once", "first packet p50 ms", "p99 ms", "connects/s", "CPU ms each"]]
    for row in rows:
        each = row.get("cpu_ms")
        lines.append(
            [
                row["server"], str(row["parallel"]), number(row.get("first_packet_ms")),
                number(row.get("first_packet_p99_ms")), number(row.get("per_second")),
                " + ".join(number(part, 2) for part in each) if each else "–",
            ]
        )
    notes = [f"{row['server']}, {row['parallel']} at once: {row['failure']}" for row in rows if row.get("failure")]
    return "\n".join(aligned(lines) + ["", "CPU of sigma: sigma-media + sigma-signal"] + notes)


def progress(row, rounds):
    what = row.get("failure") or f"{number(cost(row), 2)} µs/packet, loss {number(row.get('loss'), 3, 100)} %"
    return f"round {row['round']} of {rounds}  {row['viewers']:4} viewers  {row['shape']}  {row['server']:5}  {what}"


def connect_progress(row, rounds):
    what = row.get("failure") or f"{number(row.get('first_packet_ms'))} ms, {number(row.get('per_second'))} connects/s"
    return f"round {row['round']} of {rounds}  {row['parallel']:4} joins at once  {row['server']:5}  {what}"
