"""A virtual Java Card in Python, over "ekrona card run". One file, no dependencies, Python 3.8.

    from ekrona import Card

    with Card() as card:                          # a blank P71; profile= and seed= choose another
        card.load("hello.cap")
        card.install("F048454C4C4F01")
        card.select("F048454C4C4F01")
        response = card.transmit("8002000000")    # hex or bytes, sent exactly as it is
        assert response.sw == 0x9000 and response.data == b"Hello, world"

        card.cut(2)                               # before the second write of the next command
        try:
            card.transmit(bytes.fromhex("8004000003416461"))
        except NoAnswer:                          # the power has failed
            card.reset()

Card.line takes any line of "ekrona shell", as "help" there lists them, and gives what the program
answers: card.line("writes").value["writes"], card.line("dump nvm Hello.*").answer.

An error of the card is a status word, and no exception. Exceptions: NoAnswer, when power was cut
or the card is mute; Failed, when a line could not be done or its answer is not the one behind
"->"; NotHex, when what was to be sent is neither hex nor bytes; Ended, when the program is gone, or
answers no line of its own. All are CardError, with one line that says what and where.
"""

import json
import shutil
import subprocess
import tempfile
import threading


def _brief(text):
    """A text that an error repeats: its beginning, if it is long."""
    return text if len(text) <= 60 else "%s... (%d characters)" % (text[:60], len(text))


def _bytes(given):
    """Bytes of hex or of bytes."""
    try:
        if isinstance(given, int):
            raise TypeError("a number")
        return bytes.fromhex(given) if isinstance(given, str) else bytes(given)
    except (ValueError, TypeError) as e:
        raise NotHex("%s is neither hex nor bytes: %s" % (_brief(repr(given)), e)) from None


class CardError(Exception):
    """Whatever goes wrong; the text is one line."""


class NoAnswer(CardError):
    """The card has not answered a command: its power was cut, or it is mute. Reset it."""


class Failed(CardError):
    """A line was not done, or the answer differs from what was expected."""


class NotHex(CardError, ValueError):
    """What was to be sent is neither hex nor bytes, or nothing. Nothing was sent."""


class Ended(CardError):
    """The program has ended, or was not found."""


class Response:
    """A card's answer: data (bytes) and sw, the status word (int). cause is the applet's exception
    with file and line, where there is one."""

    def __init__(self, raw, cause=""):
        self.data, self.sw, self.cause = raw[:-2], int.from_bytes(raw[-2:], "big"), cause

    def __repr__(self):
        return "Response(data=%s, sw=%04X)" % (self.data.hex().upper(), self.sw)


class Answer:
    """What a line answered. response is None unless the line was a command; answer is a word's in
    text and value the same for a program; record is all of it."""

    def __init__(self, record):
        self.record = record
        self.answer, self.value = record.get("answer", ""), record.get("value")
        raw = record.get("response")
        self.response = None
        if raw is not None:
            self.response = Response(bytes.fromhex(raw), record.get("cause", ""))


class Card:
    """A blank virtual card, until close. Threads may share it: their lines take turns."""

    def __init__(self, program="ekrona", profile=None, seed=None, arguments=()):
        """program is the path of ekrona. profile is a product that "ekrona card memory" lists; the
        same seed repeats the card's randomness. arguments are further ones of "card run"."""
        path = shutil.which(program)
        if path is None:
            raise Ended("%s is not there: build it by go build -o ekrona ./host/cmd/ekrona, and "
                        "name its path" % program)
        command = [path, "card", "run", "--json", "--keep-going"]
        if profile is not None:
            command += ["--profile", profile]
        if seed is not None:
            command += ["--seed", str(seed)]
        self._turn = threading.Lock()
        self._complaints = tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            command + list(arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._complaints, encoding="utf-8")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the program. What the card held is gone."""
        if self._process.stdout.closed:
            return
        self._end()
        self._process.stdout.close()
        self._complaints.close()

    def _end(self):
        try:
            self._process.stdin.close()
        except OSError:
            pass
        self._process.wait()

    def line(self, text):
        """Does one line of "ekrona shell" and returns its Answer."""
        if not isinstance(text, str):
            raise ValueError("a line is text: %r" % (text,))
        step = text.strip()
        if not step or step.startswith("#") or "\n" in step or "\r" in step:
            raise ValueError("one line with a command or a word: %r" % text)
        with self._turn:
            got = self._ask(step)
        try:
            record = json.loads(got)
            done = record["done"]
            answer = Answer(record)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Ended("%s answered what is no line of \"ekrona card run --json\": %s"
                        % (self._process.args[0], _brief(got.strip()))) from None
        if not done:
            raise Failed("%s: %s" % (_brief(step), record.get("error", "not done")))
        return answer

    def _ask(self, step):
        if self._process.stdin.closed:
            raise Ended("the card is closed")
        try:
            self._process.stdin.write(step + "\n")
            self._process.stdin.flush()
            got = self._process.stdout.readline()
        except (OSError, UnicodeDecodeError):
            got = ""
        if not got.endswith("\n"):  # nothing, or half a line
            raise Ended(self._complaint())
        return got

    def _complaint(self):
        self._end()
        self._complaints.seek(0)
        lines = self._complaints.read().strip().splitlines()
        return lines[-1] if lines else "%s has ended" % self._process.args[0]

    def transmit(self, apdu):
        """Sends one APDU, hex or bytes, as it is, and returns the Response."""
        raw = _bytes(apdu)
        if not raw:
            raise NotHex("an APDU has bytes")
        try:
            return self.line(raw.hex()).response
        except Failed as e:
            raise NoAnswer(str(e)) from None

    def select(self, aid):
        """Selects an application by its AID, hex or bytes."""
        name = _bytes(aid)
        if len(name) > 16:
            raise NotHex("an AID has at most 16 bytes, not %d" % len(name))
        return self.transmit(bytes([0x00, 0xA4, 0x04, 0x00, len(name)]) + name + b"\x00")

    def load(self, *files):
        """Loads CAP files, in dependency order: all of them or none."""
        return self.line("load " + " ".join(
            json.dumps(str(f), ensure_ascii=False) for f in files)).value

    def install(self, module, instance=None, parameters=b""):
        """Makes an instance of an applet; AIDs and parameters are hex or bytes."""
        words = ["install"] + [_bytes(a).hex() for a in (module, instance or module)]
        if parameters:
            words.append(_bytes(parameters).hex())
        return self.line(" ".join(words)).value

    def delete(self, aid):
        """Deletes an instance or a load file by its AID, hex or bytes."""
        return self.line("delete " + _bytes(aid).hex()).value

    def reset(self):
        """Takes the power away and gives it back."""
        self.line("reset")

    def cut(self, n):
        """Has the power fail before the n-th persistent write of the next command, from 1."""
        self.line("cut %s" % n)

    def writes(self):
        """What the last command wrote and ran: writes, written_bytes, bytecodes, ..."""
        return self.line("writes").value

    def snapshot(self, name="last"):
        """Keeps the card as it is."""
        self.line("snapshot " + name)

    def restore(self, name="last"):
        """Sets the card back to a snapshot."""
        self.line("restore " + name)
