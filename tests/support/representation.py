"""Files on the data connection, as RFC 959 section 3 describes them: TYPE, STRU and MODE, both ways.

Written from the RFC alone, so that server and test can be wrong only in different ways. Three steps:

    file <-> pieces     to_pieces, from_pieces      TYPE and STRU. Pieces are a list of bytes, with an
                                                    end of record between each two; of a file that
                                                    has no record structure there is one piece.
    pieces <-> octets   pack, unpack                MODE, with restart markers between octets
    octets              a socket, or Octets

What a sender may choose (the length of a block, which bytes to compress, how an end is flagged) is
chosen by a random.Random, so that many ways are tried. What the RFC leaves to a host (what a record,
a page or a hole is in a file) is what src/represent/representation.h says.
"""

import re
import zlib

LF = b"\n"
EOR, EOF, SUSPECT, MARKER = 128, 64, 32, 16
SIMPLE_PAGE, DESCRIPTOR_PAGE, CONTROLLED_PAGE, LAST_PAGE = 1, 2, 3, 0
BLOCK_MAX = 65535


class Malformed(Exception):
    """What is no file under section 3."""


def ebcdic_1047():
    """ISO 8859-1 -> IBM-1047, 256 bytes. It is code page 037, of which six characters lie elsewhere,
    and LF and NEL are exchanged, so that the end of a line is NL (section 3.1.1.2)."""
    code = [bytes([i]).decode("latin-1").encode("cp037")[0] for i in range(256)]
    for character, place in (("^", 0x5F), ("\xdd", 0xBA), ("\xac", 0xB0), ("[", 0xAD), ("\xa8", 0xBB), ("]", 0xBD)):
        code[ord(character)] = place
    code[0x0A], code[0x85] = code[0x85], code[0x0A]
    return bytes(code)


EBCDIC = ebcdic_1047()
FROM_EBCDIC = bytes(EBCDIC.index(i) for i in range(256))


class Form:
    """One combination: the arguments of TYPE, STRU and MODE. Where keep is set, the end of a file in
    MODE Z is the end of its zlib stream alone, and not that of the connection as well."""

    def __init__(self, kind="A N", structure="F", mode="S", keep=False):
        self.kind = kind
        self.structure = structure
        self.mode = mode
        self.keeps = mode in "BC" or keep  # the connection stays behind the end of a file
        self.letter = kind[0]
        self.text = self.letter in "AE"
        self.carriage = self.text and kind.endswith("C")
        self.bits = int(kind[1:]) if self.letter == "L" else 8
        self.filler = {"A": 0x20, "E": 0x40}.get(self.letter, 0)

    def with_mode(self, mode):
        return Form(self.kind, self.structure, mode)

    def __repr__(self):
        return f"TYPE {self.kind}, STRU {self.structure}, MODE {self.mode}" + \
               (" KEEP" if self.mode == "Z" and self.keeps else "")


# Carriage control (section 3.1.1.5.2).

def to_carriage(content):
    """A file -> lines with a first character, LF behind each line that has an end."""
    lines = []  # [first character, text, whether something ends it]
    start = b" "
    pieces = re.split(rb"([\n\r])", content)
    for text, end in zip(pieces[::2], pieces[1::2] + [b""]):
        if not text and not end and start == b" ":
            break  # nothing comes behind the last LF
        first = start
        if first == b" " and text.startswith(b"\f"):
            first, text = b"1", text[1:]
        if first == b" " and lines and lines[-1] == [b" ", b"", LF]:
            lines[-1] = [b"0", text, end]
        else:
            lines.append([first, text, end])
        start = b"+" if end == b"\r" else b" "
    return b"".join(first + text + (LF if end else b"") for first, text, end in lines)


def from_carriage(content):
    lines = content.split(LF)
    whole = lines.pop() if not lines[-1] else None  # an empty rest: each line has its end
    result = []
    for number, line in enumerate(lines):
        first = line[:1]
        if first == b"+":
            result.append(b"\r")
        elif number:
            result.append(LF)
        result.append({b"0": LF, b"1": b"\f"}.get(first, b"") + line[1:])
    return b"".join(result) + (LF if whole is not None and lines else b"")


# Pages (section 3.1.2.3, appendix I): logical bytes of so many bits, packed without a gap.

def page_bits(bits):
    return (512 if bits >= 10 else 1 << (bits - 1)) * bits


class Bits:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        end = self.at + count
        if end > 8 * len(self.data):
            raise Malformed(f"{count} bits of a page, and {8 * len(self.data) - self.at} come")
        octets = self.data[self.at // 8:(end + 7) // 8]
        number = int.from_bytes(octets, "big") >> (-end % 8)
        self.at = end
        return number & ((1 << count) - 1)

    def padding(self):
        """Whether nothing but zeros up to an octet's end is left."""
        left = 8 * len(self.data) - self.at
        return left < 8 and self.take(left) == 0


def as_octets(number, bits):
    """Bits from the left of octets, zeros behind them."""
    size = (bits + 7) // 8
    return (number << (8 * size - bits)).to_bytes(size, "big")


def page(bits, index, data, kind, fields=()):
    """(number, count) of the bits of one page; data is padded to logical bytes."""
    length = -(-8 * len(data) // bits)
    number, count = 0, 0
    for field in (4 + len(fields), index, length, kind, *fields):
        if field >> bits:
            raise Malformed(f"{field} in {bits} bits")
        number, count = number << bits | field, count + bits
    padding = length * bits - 8 * len(data)
    return (number << (length * bits)) | (int.from_bytes(data, "big") << padding), count + length * bits


def to_pages(content, bits, holes=(), size=None):
    """All pages of content that are not in holes, after a descriptor page if the pages do not tell
    the size."""
    octets = page_bits(bits) // 8
    last = (len(content) - 1) // octets
    pages = []
    if 8 * len(content) % bits or size is not None or last in holes:
        pages.append(page(bits, 0, b"octets %d" % (len(content) if size is None else size), DESCRIPTOR_PAGE))
    pages += [page(bits, index, content[index * octets:(index + 1) * octets], SIMPLE_PAGE)
              for index in range(last + 1) if index not in holes]
    return join_pages(pages + [page(bits, 0, b"", LAST_PAGE)])


def join_pages(pages):
    result, number, bits = [], 0, 0
    for more, count in pages:
        number, bits = number << count | more, bits + count
        rest = bits % 8
        result.append((number >> rest).to_bytes(bits // 8, "big"))
        number, bits = number & ((1 << rest) - 1), rest
    return b"".join(result) + as_octets(number, bits)


def read_pages(data, bits):
    """(index, data, type, number of header fields) of each page before the last."""
    stream = Bits(data)
    while True:
        header, index, length, kind = (stream.take(bits) for _ in range(4))
        if header < 4 or kind > 3 or (kind in (LAST_PAGE, SIMPLE_PAGE) and header != 4) or \
                (kind == CONTROLLED_PAGE and header != 5):
            raise Malformed(f"a page of type {kind} with a header of {header}")
        stream.take((header - 4) * bits)
        if kind == LAST_PAGE:
            break
        yield index, as_octets(stream.take(length * bits), length * bits), kind, length * bits
    if length or not stream.padding():
        raise Malformed("something comes with the last page, or behind it")


def from_pages(data, bits):
    """(content, indexes of the pages that came)."""
    octets = page_bits(bits) // 8
    content, indexes, size, end = bytearray(), [], None, 0
    for index, piece, kind, length in read_pages(data, bits):
        if kind == DESCRIPTOR_PAGE:
            match = re.fullmatch(rb"octets (\d+)[ \0\r\n]*", piece)
            if not match:
                raise Malformed(f"a descriptor page of {piece!r}")
            size = int(match.group(1))
            continue
        if length > 8 * octets:
            raise Malformed(f"a page of {length} bits")
        if index in indexes:
            raise Malformed(f"page {index} comes twice")
        indexes.append(index)
        start = index * octets
        content.extend(bytes(max(0, start - len(content))))
        content[start:start + len(piece)] = piece
        end = max(end, 8 * start + length)
    if size is None:
        if end % 8:
            raise Malformed(f"a file of {end} bits, and no word of its size")
        size = end // 8
    elif any(content[size:]):
        raise Malformed(f"a file of {size} octets, and more than zeros behind them")
    return bytes(content[:size]) + bytes(max(0, size - len(content))), indexes


# TYPE and STRU.

def to_pieces(content, form):
    if form.structure == "P":
        return [to_pages(content, form.bits)]
    if form.carriage:
        content = to_carriage(content)
    pieces = content.split(LF) if form.structure == "R" else [content]
    if form.letter == "A":
        return [piece.replace(LF, b"\r\n") for piece in pieces]
    return [piece.translate(EBCDIC) for piece in pieces] if form.letter == "E" else pieces


def from_pieces(pieces, form):
    if form.structure == "P":
        return from_pages(pieces[0], form.bits)[0]
    if form.letter == "A":
        pieces = [piece.replace(b"\r\n", LF) for piece in pieces]
    if form.letter == "E":
        pieces = [piece.translate(FROM_EBCDIC) for piece in pieces]
    if form.structure == "R" and any(LF in piece for piece in pieces):
        raise Malformed("a record with the end of a line in it")
    content = LF.join(pieces)
    return from_carriage(content) if form.carriage else content


def join(front, rest):
    """Pieces of a file, and those that come behind them."""
    return front[:-1] + [front[-1] + rest[0]] + rest[1:]


# MODE S and Z.

def pack_stream(pieces, form, chance):
    if form.structure != "R":
        return pieces[0]
    result = b"\xff\x01".join(piece.replace(b"\xff", b"\xff\xff") for piece in pieces)
    if result.endswith(b"\xff\x01") and not pieces[-1] and chance.random() < 0.5:
        return result[:-1] + b"\x03"
    return result + b"\xff\x02"


def unpack_stream(data, form):
    if form.structure != "R":
        return [data]
    pieces, piece, at = [], [], 0
    while True:
        escape = data.find(b"\xff", at)
        if escape < 0 or escape + 1 == len(data):
            raise Malformed("the connection ends before the file does")
        piece.append(data[at:escape])
        code, at = data[escape + 1], escape + 2
        if code == 0xFF:
            piece.append(b"\xff")
            continue
        if code not in (1, 2, 3):
            raise Malformed(f"escape {code}")
        pieces.append(b"".join(piece))
        piece = []
        if code == 3:
            pieces.append(b"")
        if code != 1:
            break
    if at != len(data):
        raise Malformed(f"{len(data) - at} octets behind the end of the file")
    return pieces


def pack_deflated(pieces, form, chance):
    return zlib.compress(pack_stream(pieces, form, chance), chance.choice((0, 1, 9)))


def unpack_deflated(data, form):
    stream = zlib.decompressobj()
    plain = stream.decompress(data)
    if not stream.eof or stream.unused_data:
        raise Malformed("the deflated stream has no end, or something behind it")
    return unpack_stream(plain, form)


def unpack_one_deflated(octets, form):
    """One file of MODE Z; the octets behind it are left."""
    stream = zlib.decompressobj()
    plain = []
    while not stream.eof:
        plain.append(stream.decompress(octets.some()))
    octets.give_back(len(stream.unused_data))
    return unpack_stream(b"".join(plain), form)


# MODE B and C. A marker is at a place in a piece: {(number of the piece, octets of it): text}.

def cut(piece, number, markers, chance, longest):
    """The octets of a piece, as ("data", bytes) and ("marker", text) in their order."""
    places = sorted(at for which, at in markers if which == number)
    at = 0
    while at < len(piece) or places:
        if places and at == places[0]:
            yield "marker", markers[number, places.pop(0)]
            continue
        end = min(len(piece), at + chance.choice((1, 3, 100, 4000, longest)))
        end = min([end] + places[:1])
        yield "data", piece[at:end]
        at = end


def flagged(pieces, markers, chance, longest):
    """("marker", 0, text) and ("data", flags, bytes), the last of a piece with its end."""
    ends_with_record = len(pieces) > 1 and not pieces[-1] and not any(which == len(pieces) - 1 for which, _ in markers)
    together = ends_with_record and chance.random() < 0.5
    for number, piece in enumerate(pieces[:-1] if together else pieces):
        end = EOF if number == len(pieces) - 1 else EOR
        if together and number == len(pieces) - 2:
            end = EOR | EOF
        parts = list(cut(piece, number, markers, chance, longest))
        # An end with nothing before it is in a part of its own, and so are some others.
        if not parts or parts[-1][0] == "marker" or chance.random() < 0.1:
            parts.append(("data", b""))
        for part, (what, data) in enumerate(parts):
            yield what, end if part == len(parts) - 1 else 0, data


def block(flags, data):
    return bytes([flags]) + len(data).to_bytes(2, "big") + data


def pack_blocks(pieces, chance, markers):
    result = []
    for what, flags, data in flagged(pieces, markers, chance, BLOCK_MAX):
        if what == "marker":
            result.append(block(MARKER, data))
            continue
        if chance.random() < 0.1:
            flags |= SUSPECT
        result.append(block(flags, data))
        if not flags & EOF and chance.random() < 0.05:
            result.append(block(0, b""))
    return b"".join(result)


def strings(data, filler, chance):
    """The strings of MODE C that are data: [octets of each]."""
    result = []
    runs = re.finditer(rb"(.)\1{1,62}", data, re.DOTALL) if chance.random() < 0.8 else ()
    plain = 0  # where the regular data that is not yet written begins
    for run in runs:
        count = len(run.group())
        if count < 4 and chance.random() < (4 - count) / 4:
            continue
        result += literal(data[plain:run.start()])
        plain = run.end()
        if run.group(1)[0] == filler and chance.random() < 0.9:
            result.append(bytes([0xC0 | count]))
        else:
            result.append(bytes([0x80 | count]) + run.group(1))
    return result + literal(data[plain:])


def literal(data):
    return [bytes([len(data[at:at + 127])]) + data[at:at + 127] for at in range(0, len(data), 127)]


def pack_compressed(pieces, filler, chance, markers):
    result = []
    for what, flags, data in flagged(pieces, markers, chance, 4000):
        if what == "marker":
            result += [bytes([0, MARKER, len(data)]), data]
            continue
        parts = strings(data, filler, chance)
        # A filler string of no fillers is the one string that can be empty (section 3.4.3).
        last = parts.pop() if parts else b"\xc0"
        result += parts
        if flags:
            result.append(bytes([0, flags]))
        result.append(last)
    return b"".join(result)


def pack(pieces, form, chance, markers=None):
    markers = markers or {}
    if form.mode == "B":
        return pack_blocks(pieces, chance, markers)
    if form.mode == "C":
        return pack_compressed(pieces, form.filler, chance, markers)
    return (pack_deflated if form.mode == "Z" else pack_stream)(pieces, form, chance)


class Octets:
    """A source of octets that are all there."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def read(self, count):
        if self.at + count > len(self.data):
            raise Malformed("the connection ends before the file does")
        self.at += count
        return self.data[self.at - count:self.at]

    def more(self):
        """Whether another octet comes. False where that cannot be told yet, and need not."""
        return self.at < len(self.data)

    def peek(self):
        return self.data[self.at]

    def some(self):
        """All that is there, at least one octet; give_back takes back what was too much."""
        return self.read(max(1, len(self.data) - self.at))

    def give_back(self, count):
        self.at -= count

    def rest(self):
        return self.data[self.at:]


class Unpacked:
    """pieces of one file, and the markers that were between its octets: (text, the pieces before)."""

    def __init__(self, form):
        self.records = form.structure == "R"
        self.ended, self.parts, self.markers = [], [], []

    def data(self, octets):
        self.parts.append(octets)

    def end_record(self):
        if not self.records:
            raise Malformed("an end of record, and STRU R is not set")
        self.ended.append(b"".join(self.parts))
        self.parts = []

    def pieces(self):
        return self.ended + [b"".join(self.parts)]

    def marker(self, text):
        if not text or not all(33 <= octet <= 126 for octet in text):
            raise Malformed(f"a marker of {text!r}")
        self.markers.append((text.decode("ascii"), self.pieces()))


def known(flags):
    if flags & 15:
        raise Malformed(f"descriptor {flags:#04x}")
    return flags


def unpack_blocks(octets, form):
    """One file of MODE B; the octets behind it are left."""
    result, flags = Unpacked(form), 0
    while not flags & EOF:
        flags = known(octets.read(1)[0])
        data = octets.read(int.from_bytes(octets.read(2), "big"))
        if flags & MARKER:
            result.marker(data)
        else:
            result.data(data)
        if flags & EOR:
            result.end_record()
    return result


def unpack_compressed(octets, form):
    """One file of MODE C. A descriptor is of the string that follows; where there is none, because
    the connection or the next descriptor comes, of an empty one."""
    result, flags = Unpacked(form), None
    while True:
        if flags is not None and (not octets.more() if flags & EOF else octets.peek() == 0):
            data = b""
        else:
            first = octets.read(1)[0]
            if first == 0:
                flags = known(octets.read(1)[0])
                continue
            count = first & 63
            if first < 128:
                data = octets.read(first)
            else:
                data = (bytes([form.filler]) if first >= 192 else octets.read(1)) * count
            if first >= 128 and flags is not None and flags & MARKER:
                raise Malformed("a marker is no byte string")
        if flags is not None and flags & MARKER:
            result.marker(data)
        else:
            result.data(data)
        if (flags or 0) & EOR:
            result.end_record()
        if (flags or 0) & EOF:
            return result
        flags = None


def unpack(data, form):
    """All octets of a connection that held one file."""
    if form.mode in "SZ":
        result = Unpacked(form)
        pieces = (unpack_deflated if form.mode == "Z" else unpack_stream)(data, form)
        result.ended, result.parts = pieces[:-1], pieces[-1:]
        return result
    octets = Octets(data)
    result = (unpack_blocks if form.mode == "B" else unpack_compressed)(octets, form)
    if octets.more():
        raise Malformed(f"{len(octets.rest())} octets behind the end of the file")
    return result
