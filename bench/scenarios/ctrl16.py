"""NOOP, PWD, SIZE and MDTM mixed, each after the last one's reply, on 16 sessions."""
from harness.scenario import SMALL

GROUP = "Commands and logins"
SERVERS = ["sluiced", "pure-ftpd", "reference:dialogue"]
LOAD = ["ctrl", "--sessions", 16, "--file", "hot.bin"]
SHOW = SMALL
BARS = []
