"""A session typed line by line, each reply held against the code that it must have."""

import time

import wire
from checks import expect, same


def connect(address, port, source=None):
    """Connects, waiting for a server that is starting; from the address source, if there is one."""
    for _ in range(400):
        try:
            return wire.Control(address, port, source)
        except ConnectionRefusedError:
            time.sleep(0.025)
    raise AssertionError(f"nothing listens on {address} port {port} after 10 s")


def command(control, line, code):
    control.send(line.encode() + b"\r\n")
    reply = control.read_reply()
    expect(reply[0].startswith(code), f"{line!r} was answered by {reply!r}, not {code}")
    return reply[0]


def greet(control):
    reply = control.read_reply()
    expect(reply[0].startswith("220"), f"the greeting is {reply!r}")


def log_in(address, port, source=None):
    control = connect(address, port, source)
    greet(control)
    command(control, "USER anonymous", "331")
    command(control, "PASS guest@", "230")
    command(control, "TYPE I", "200")
    return control


def fetch(address, port, name, wanted):
    control = log_in(address, port)
    _, data_port = wire.passive_port(command(control, "EPSV", "229"))
    data = wire.Data(wire.open_socket(address, data_port))
    command(control, f"RETR {name}", "150")
    same(name, wanted, data.read_all())
    expect(control.read_reply()[0].startswith("226"), "no 226")
    command(control, "QUIT", "221")
    control.close()
