"""Sits at a terminal (a pseudo terminal of 120 columns and 36 lines), presses keys, and prints what is to be seen, as JSON.

Arguments: the binary, the folder of the memory. Times are from the key to the first byte of the answer on the screen.
"""
import fcntl, json, os, pty, re, select, struct, sys, termios, time

binary, home = sys.argv[1:3]
pid, terminal = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm-256color"
    os.execv(binary, [binary, "--home", home])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
cells = {}
at = [0, 0]
pending = b""


def show(data):
    """Enough of a terminal for what is drawn: the cursor goes somewhere, letters stand there."""
    global pending
    text = (pending + data).decode("utf-8", "ignore")
    pending = b""
    place = 0
    while place < len(text):
        found = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])").match(text, place)
        if found:
            numbers, kind = found.groups()
            if kind == "H":
                row, column = (numbers.split(";") + ["1"])[:2] if numbers else ("1", "1")
                at[:] = [int(row or 1) - 1, int(column or 1) - 1]
            elif kind == "J":
                cells.clear()
            place = found.end()
        elif text[place] == "\x1b":
            place = (re.compile(r"\x1b(\][^\x07]*\x07|[^\[\]])").match(text, place) or re.compile(".").match(text, place, place + 1)).end()
        else:
            if text[place] >= " ":
                cells[tuple(at)] = text[place]
                at[1] += 2 if text[place] > "\u2e80" else 1
            place += 1


def read(seconds):
    begun, first = time.time(), None
    while time.time() - begun < seconds:
        if select.select([terminal], [], [], 0.02)[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                return first
            first = first or time.time() - begun
            show(data)
    return first


def screen():
    rows = {}
    for (row, column), letter in sorted(cells.items()):
        rows.setdefault(row, {})[column] = letter
    return "\n".join("".join(rows[row].get(column, " ") for column in range(120)).rstrip() for row in sorted(rows))


def until(what, seconds=30):
    end = time.time() + seconds
    while what not in screen().replace(" ", "") and time.time() < end:
        read(0.1)
    return what in screen().replace(" ", "")


steps = {"opened": until("claude-memory"), "empty": screen()}
times = []
for letter in "pool size":
    os.write(terminal, letter.encode())
    times.append(read(0.12))
steps["found"] = until("ERR_POOL_EXHAUSTED")
steps["hits"] = screen()
os.write(terminal, b"\x1b[B")
read(0.3)
os.write(terminal, b"\r")
steps["read"] = until("Escback")
steps["page"] = screen()
os.write(terminal, b"q")
steps["back"] = until("Enterread")
os.write(terminal, b"\x15" + "重复扣款".encode())
steps["chinese"] = until("扣款")
os.write(terminal, b"\t")
steps["project"] = until("0hits") or "hit" in screen()
os.write(terminal, b"\x03")
read(0.5)
_, status = os.waitpid(pid, 0)
steps["status"] = os.waitstatus_to_exitcode(status)
steps["milliseconds"] = sorted(round(1000 * (one or 9), 1) for one in times)
print(json.dumps(steps))
